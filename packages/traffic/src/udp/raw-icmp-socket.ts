import type { IpFamily } from '@edgeway/core'
import type { CFunction, Libc } from '../kernel/libc.ts'
import { ipBytes } from './unreachable-packet.ts'

/** linux/socket.h, linux/in.h, linux/in6.h */
const AF_INET = 2
const AF_INET6 = 10
const SOCK_RAW_NONBLOCK_CLOEXEC = 3 | 0o4000 | 0o2000000
const IPPROTO_ICMP = 1
const IPPROTO_ICMPV6 = 58
const SOL_RAW = 255
/** linux/icmp.h and linux/icmpv6.h: which types the socket does not get; all bits: none is received. */
const ICMP_FILTER = { level: SOL_RAW, name: 1, bytes: 4 }
const ICMPV6_FILTER = { level: IPPROTO_ICMPV6, name: 1, bytes: 32 }
const SOCKADDR_IN_BYTES = 16
const SOCKADDR_IN6_BYTES = 28

/** Sends ICMP messages of its own making; receives none. Takes CAP_NET_RAW. */
export interface RawIcmpSocket extends Disposable {
  /** @returns false when the kernel did not take it */
  send(message: Buffer, toIp: string): boolean
}

/** @returns `undefined` when the kernel refuses */
export function openRawIcmp(libc: Libc, family: IpFamily, fromIp: string): RawIcmpSocket | undefined {
  const calls = callsOf(libc)
  const isIpv4 = family === 'IPv4'
  const [domain, protocol] = isIpv4 ? [AF_INET, IPPROTO_ICMP] : [AF_INET6, IPPROTO_ICMPV6]
  const fd = calls.socket(domain, SOCK_RAW_NONBLOCK_CLOEXEC, protocol)
  if (fd < 0) return undefined
  const { level, name, bytes } = isIpv4 ? ICMP_FILTER : ICMPV6_FILTER
  const from = addressOf(fromIp)
  const isReady =
    calls.setsockopt(fd, level, name, Buffer.alloc(bytes, 0xff), bytes) === 0 &&
    calls.bind(fd, from, from.length) === 0
  if (!isReady) {
    calls.close(fd)
    return undefined
  }
  return socketOf(fd, calls)
}

type Calls = Readonly<Record<'socket' | 'setsockopt' | 'bind' | 'sendto' | 'close', CFunction>>

function socketOf(fd: number, { sendto, close }: Calls): RawIcmpSocket {
  let isOpen = true
  return {
    send(message, toIp) {
      if (!isOpen) return false
      const to = addressOf(toIp)
      return sendto(fd, message, message.length, 0, to, to.length) === message.length
    },
    [Symbol.dispose]() {
      if (isOpen) close(fd)
      isOpen = false
    },
  }
}

function callsOf(libc: Libc): Calls {
  return {
    socket: libc.func('int socket(int domain, int type, int protocol)'),
    setsockopt: libc.func('int setsockopt(int fd, int level, int name, const void *value, uint32_t length)'),
    bind: libc.func('int bind(int fd, const void *address, uint32_t length)'),
    sendto: libc.func(
      'long sendto(int fd, const void *data, size_t size, int flags, const void *address, uint32_t length)',
    ),
    close: libc.func('int close(int fd)'),
  }
}

/** sockaddr_in or sockaddr_in6, without a port. */
function addressOf(ip: string): Buffer {
  const bytes = ipBytes(ip)
  const isIpv4 = bytes.length === 4
  const address = Buffer.alloc(isIpv4 ? SOCKADDR_IN_BYTES : SOCKADDR_IN6_BYTES)
  // sa_family_t is of the machine's order: x86-64 and arm64 are little-endian.
  address.writeUInt16LE(isIpv4 ? AF_INET : AF_INET6, 0)
  address.set(bytes, isIpv4 ? 4 : 8)
  return address
}
