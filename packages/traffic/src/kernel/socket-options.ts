import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { descriptorOf } from './descriptor.ts'
import { type Libc, loadLibc } from './libc.ts'

/** A socket option as getsockopt(2) and setsockopt(2) name it. */
export interface SocketOption {
  readonly level: number
  readonly name: number
}

export type OptionValue = readonly [option: SocketOption, value: number]

/** Socket options that Node does not offer. Both calls are harmless on a socket that is gone. */
export interface SocketOptions {
  /** @returns `undefined` when the kernel has no answer */
  get(socket: Socket, option: SocketOption, byteCount: number): Buffer | undefined
  /** @returns false when the kernel refuses */
  set(socket: Socket | Server, option: SocketOption, value: number): boolean
}

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
  const libc = await loadLibc()
  if (libc === undefined) return undefined
  const options = socketOptions(libc)
  return (await reachesTheKernel(options)) ? options : undefined
}

/** @param libc - of a process whose Node tells descriptors: `loadSocketOptions` tries that */
export function socketOptions(libc: Libc): SocketOptions {
  const call = 'int fd, int level, int name'
  const getsockopt = libc.func(`int getsockopt(${call}, void *value, void *length)`)
  const setsockopt = libc.func(`int setsockopt(${call}, const void *value, uint32_t length)`)
  // The calls are done before anybody else makes one.
  const length = Buffer.alloc(INT_BYTES)
  return {
    get(socket, { level, name }, byteCount) {
      const fd = descriptorOf(socket)
      if (fd === undefined) return undefined
      const value = Buffer.allocUnsafe(byteCount)
      length.writeInt32LE(byteCount)
      return getsockopt(fd, level, name, value, length) === 0 ? value : undefined
    },
    set(socket, { level, name }, value) {
      const fd = descriptorOf(socket)
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
