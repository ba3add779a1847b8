import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'

export interface Destination {
  readonly ip: string
  readonly port: number
}

/** Reads where a redirected connection was going to, before NAT; `undefined` when the kernel knows nothing of it. */
export type ReadOriginalDestination = (socket: Socket) => Destination | undefined

// biome-ignore lint/complexity/useMaxParams: the system call's own signature
type GetSockOpt = (fd: number, level: number, name: number, value: Buffer, length: Buffer) => number

/** linux/in.h, linux/netfilter_ipv4.h, linux/netfilter_ipv6/ip6_tables.h */
const SOL_IP = 0
const SOL_IPV6 = 41
const SO_ORIGINAL_DST = 80
/** asm-generic/socket.h */
const SOL_SOCKET = 1
const SO_TYPE = 3
const SOCK_STREAM = 1
const SOCKADDR_IN_BYTES = 16
const SOCKADDR_IN6_BYTES = 28
/** Offsets in sockaddr_in and sockaddr_in6; the port is at the same place in both. */
const PORT_OFFSET = 2
const IPV4_OFFSET = 4
const IPV6_OFFSET = 8

/**
 * SO_ORIGINAL_DST through koffi, since Node has no getsockopt.
 *
 * @returns `undefined` where it can't work: no koffi for this platform, or Node no longer tells the descriptor
 */
export async function loadOriginalDestination(): Promise<ReadOriginalDestination | undefined> {
  const getsockopt = await loadGetSockOpt()
  if (getsockopt === undefined || !(await reachesTheKernel(getsockopt))) return undefined
  return (socket) => readDestination(getsockopt, socket)
}

async function loadGetSockOpt(): Promise<GetSockOpt | undefined> {
  try {
    const { default: koffi } = await import('koffi')
    const signature = 'int getsockopt(int fd, int level, int name, void *value, void *length)'
    // What this very process has loaded, so whatever libc it runs on.
    return koffi.load(null).func(signature) as GetSockOpt
  } catch {
    // No binary for this platform: the caller has a way without it.
    return undefined
  }
}

/**
 * Makes the call on a real connection, for an option with a known answer. SO_ORIGINAL_DST itself has none before the
 * first NAT rule is there: ENOENT, or ENOPROTOOPT while the kernel's module is not loaded.
 */
async function reachesTheKernel(getsockopt: GetSockOpt): Promise<boolean> {
  const server = createServer()
  try {
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const address = server.address()
    if (address === null || typeof address === 'string') return false
    const client = connect(address.port, address.address)
    await once(client, 'connect')
    const [type] = callGetSockOpt(getsockopt, client, { level: SOL_SOCKET, name: SO_TYPE, bytes: 4 }) ?? []
    client.destroy()
    return type === SOCK_STREAM
  } catch {
    // No connection on loopback: nothing can be said for it.
    return false
  } finally {
    server.close()
  }
}

function readDestination(getsockopt: GetSockOpt, socket: Socket): Destination | undefined {
  const isIpv6 = socket.localFamily === 'IPv6' && socket.localAddress?.startsWith('::ffff:') === false
  const [level, bytes] = isIpv6 ? [SOL_IPV6, SOCKADDR_IN6_BYTES] : [SOL_IP, SOCKADDR_IN_BYTES]
  const value = callGetSockOpt(getsockopt, socket, { level, name: SO_ORIGINAL_DST, bytes })
  if (value === undefined) return undefined
  return { ip: isIpv6 ? ipv6Of(value) : ipv4Of(value), port: value.readUInt16BE(PORT_OFFSET) }
}

interface SocketOption {
  readonly level: number
  readonly name: number
  readonly bytes: number
}

/** @returns `undefined` when the kernel has no answer or the socket is gone */
function callGetSockOpt(
  getsockopt: GetSockOpt,
  socket: Socket,
  { level, name, bytes }: SocketOption,
): Buffer | undefined {
  const fd = fdOf(socket)
  if (fd === undefined) return undefined
  const value = Buffer.alloc(bytes)
  // socklen_t, in the byte order of every platform that Node has a release for.
  const length = Buffer.alloc(4)
  length.writeInt32LE(bytes)
  return getsockopt(fd, level, name, value, length) === 0 ? value : undefined
}

function ipv4Of(value: Buffer): string {
  return value.subarray(IPV4_OFFSET, IPV4_OFFSET + 4).join('.')
}

/** Canonical text (RFC 5952), as the directory has it. */
function ipv6Of(value: Buffer): string {
  const groups = Array.from({ length: 8 }, (_, i) => value.readUInt16BE(IPV6_OFFSET + 2 * i).toString(16))
  return new URL(`http://[${groups.join(':')}]`).hostname.slice(1, -1)
}

/** The file descriptor behind a socket. Not public API of Node, but stable since Node 0.x; nothing else tells it. */
function fdOf(socket: Socket): number | undefined {
  const handle: unknown = Reflect.get(socket, '_handle')
  if (typeof handle !== 'object' || handle === null) return undefined
  const fd: unknown = Reflect.get(handle, 'fd')
  return typeof fd === 'number' && fd >= 0 ? fd : undefined
}
