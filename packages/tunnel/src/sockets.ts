import { isIPv6, type Socket } from 'node:net'

/** An IP address as sockets say it, without what they add: IPv4 as such, also on a listener of IPv6, and no interface. */
export function plainIp(ip: string): string {
  return ip.replace(/^::ffff:(?=\d+\.)/i, '').replace(/%.*$/, '')
}

/** What one household has, as text: an IPv4 address, or the first 64 bits of an IPv6 one. */
export function networkOf(ip: string): string {
  const plain = plainIp(ip)
  if (!isIPv6(plain)) return plain
  const [head = '', tail] = plain.split('::')
  const before = head.split(':')
  const zeros = tail === undefined ? 0 : 8
  return [...before, ...Array<string>(zeros).fill('0')].slice(0, 4).join(':')
}

/** Ends a connection by a reset, so that neither side keeps it in TIME_WAIT; one that is only being made is given up. */
export function cutSocket(socket: Socket): void {
  if (socket.connecting) socket.destroy()
  else socket.resetAndDestroy()
}
