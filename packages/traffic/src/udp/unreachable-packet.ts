import { ipFamilyOf, type ListenerAddress } from '@edgeway/core'

/** RFC 792: destination unreachable, port unreachable. */
const ICMP4_PORT_UNREACHABLE = [3, 3] as const
/** RFC 4443: destination unreachable, port unreachable. */
const ICMP6_PORT_UNREACHABLE = [1, 4] as const

const ICMP_HEADER_BYTES = 8
const CHECKSUM_OFFSET = 2
const IPV4_HEADER_BYTES = 20
const IPV4_CHECKSUM_OFFSET = 10
const IPV6_HEADER_BYTES = 40
const UDP_HEADER_BYTES = 8
const UDP_PROTOCOL = 17
const HOP_LIMIT = 64

/**
 * The ICMP message by which a host says that nobody listens at `to`: with the headers of the datagram from `from` that it
 * is about, by which the kernel of the sender, and connection tracking on the way, know whom it concerns. Of ICMPv6 without
 * its checksum, which the kernel fills in.
 */
export function portUnreachable(from: ListenerAddress, to: ListenerAddress): Buffer {
  const isIpv4 = ipFamilyOf(from.ip) === 'IPv4'
  const [type, code] = isIpv4 ? ICMP4_PORT_UNREACHABLE : ICMP6_PORT_UNREACHABLE
  const icmp = Buffer.alloc(ICMP_HEADER_BYTES)
  icmp.set([type, code])
  const packet = Buffer.concat([
    icmp,
    isIpv4 ? ipv4Header(from, to) : ipv6Header(from, to),
    udpHeader(from, to),
  ])
  if (isIpv4) packet.writeUInt16BE(checksum(packet), CHECKSUM_OFFSET)
  return packet
}

/** The address in network order: 4 or 16 bytes. A zone (`%eth0`) is left out. */
export function ipBytes(ip: string): Buffer {
  if (ipFamilyOf(ip) === 'IPv4') return Buffer.from(ip.split('.').map(Number))
  const [head = '', tail] = ip.replace(/%.*/, '').split('::')
  const bytes = Buffer.alloc(16)
  groupsOf(head).forEach((group, i) => void bytes.writeUInt16BE(group, 2 * i))
  const last = groupsOf(tail ?? '')
  last.forEach((group, i) => void bytes.writeUInt16BE(group, 2 * (8 - last.length + i)))
  return bytes
}

function groupsOf(text: string): number[] {
  return text === '' ? [] : text.split(':').map((group) => Number.parseInt(group, 16))
}

function ipv4Header(from: ListenerAddress, to: ListenerAddress): Buffer {
  const header = Buffer.alloc(IPV4_HEADER_BYTES)
  header[0] = 0x45
  header.writeUInt16BE(IPV4_HEADER_BYTES + UDP_HEADER_BYTES, 2)
  header[8] = HOP_LIMIT
  header[9] = UDP_PROTOCOL
  header.set(ipBytes(from.ip), 12)
  header.set(ipBytes(to.ip), 16)
  header.writeUInt16BE(checksum(header), IPV4_CHECKSUM_OFFSET)
  return header
}

function ipv6Header(from: ListenerAddress, to: ListenerAddress): Buffer {
  const header = Buffer.alloc(IPV6_HEADER_BYTES)
  header[0] = 0x60
  header.writeUInt16BE(UDP_HEADER_BYTES, 4)
  header[6] = UDP_PROTOCOL
  header[7] = HOP_LIMIT
  header.set(ipBytes(from.ip), 8)
  header.set(ipBytes(to.ip), 24)
  return header
}

function udpHeader(from: ListenerAddress, to: ListenerAddress): Buffer {
  const header = Buffer.alloc(UDP_HEADER_BYTES)
  header.writeUInt16BE(from.port, 0)
  header.writeUInt16BE(to.port, 2)
  header.writeUInt16BE(UDP_HEADER_BYTES, 4)
  return header
}

/** RFC 1071, of an even number of bytes. */
function checksum(bytes: Buffer): number {
  let sum = 0
  for (let at = 0; at < bytes.length; at += 2) sum += bytes.readUInt16BE(at)
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16)
  return ~sum & 0xffff
}
