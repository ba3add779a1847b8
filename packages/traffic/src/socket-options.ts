import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'

/** A socket option as getsockopt(2) and setsockopt(2) name it. */
export interface SocketOption {
  readonly level: number
  readonly name: number
}

/** Socket options that Node does not offer. Both calls are harmless on a socket that is gone. */
export interface SocketOptions {
  /** @returns `undefined` when the kernel has no answer */
  get(socket: Socket, option: SocketOption, byteCount: number): Buffer | undefined
  /** @returns false when the kernel refuses */
  set(socket: Socket, option: SocketOption, value: number): boolean
}

type GetSockOpt = (...call: [...SocketOptionCall, length: Buffer]) => number
type SetSockOpt = (...call: [...SocketOptionCall, length: number]) => number
type SocketOptionCall = [fd: number, level: number, name: number, value: Buffer]

/** asm-generic/socket.h */
const SOCKET_TYPE: SocketOption = { level: 1, name: 3 }
const SOCK_STREAM = 1
/** int and socklen_t, little-endian: x86-64 and arm64. */
const INT_BYTES = 4

/**
 * The kernel's own calls, through koffi.
 *
 * @returns `undefined` where they can't work: no koffi for this platform, or Node no longer tells the descriptor
 */
export async function loadSocketOptions(): Promise<SocketOptions | undefined> {
  const options = await bindLibc()
  return options !== undefined && (await reachesTheKernel(options)) ? options : undefined
}

async function bindLibc(): Promise<SocketOptions | undefined> {
  try {
    const { default: koffi } = await import('koffi')
    // What this very process has loaded, so whatever libc it runs on.
    const libc = koffi.load(null)
    const call = 'int fd, int level, int name'
    return socketOptions(
      libc.func(`int getsockopt(${call}, void *value, void *length)`) as GetSockOpt,
      libc.func(`int setsockopt(${call}, const void *value, uint32_t length)`) as SetSockOpt,
    )
  } catch {
    // No binary for this platform: the caller has a way without it.
    return undefined
  }
}

function socketOptions(getsockopt: GetSockOpt, setsockopt: SetSockOpt): SocketOptions {
  return {
    get(socket, { level, name }, byteCount) {
      const fd = fdOf(socket)
      if (fd === undefined) return undefined
      const value = Buffer.alloc(byteCount)
      return getsockopt(fd, level, name, value, intOf(byteCount)) === 0 ? value : undefined
    },
    set(socket, { level, name }, value) {
      const fd = fdOf(socket)
      return fd !== undefined && setsockopt(fd, level, name, intOf(value), INT_BYTES) === 0
    },
  }
}

function intOf(value: number): Buffer {
  const int = Buffer.alloc(INT_BYTES)
  int.writeInt32LE(value)
  return int
}

/** Asks on a real connection for an option whose answer is known. */
async function reachesTheKernel(options: SocketOptions): Promise<boolean> {
  const server = createServer()
  try {
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const address = server.address()
    if (address === null || typeof address === 'string') return false
    const client = connect(address.port, address.address)
    await once(client, 'connect')
    const type = options.get(client, SOCKET_TYPE, INT_BYTES)
    client.destroy()
    return type?.readInt32LE() === SOCK_STREAM
  } catch {
    // No connection on loopback: nothing can be said for it.
    return false
  } finally {
    server.close()
  }
}

/** The file descriptor behind a socket. Not public API of Node, but stable since Node 0.x; nothing else tells it. */
function fdOf(socket: Socket): number | undefined {
  const handle: unknown = Reflect.get(socket, '_handle')
  if (typeof handle !== 'object' || handle === null) return undefined
  const fd: unknown = Reflect.get(handle, 'fd')
  return typeof fd === 'number' && fd >= 0 ? fd : undefined
}
