import { isIPv4, isIPv6 } from 'node:net'

/** `::ffff:0:0/96` (RFC 4291, 2.5.5.2): the place of IPv4 in IPv6. */
const MAPPED_PREFIX = Buffer.from('00000000000000000000ffff', 'hex')

/**
 * An address in network order: 4 bytes of IPv4, also where it is written as IPv4-mapped IPv6, or 16 of IPv6, without its
 * zone; `undefined` for any other text.
 */
export function ipBytes(ip: string): Buffer | undefined {
  if (isIPv4(ip)) return Buffer.from(ip.split('.').map(Number))
  if (!isIPv6(ip)) return undefined
  const bytes = ipv6Bytes(ip)
  const isMapped = bytes.subarray(0, MAPPED_PREFIX.length).equals(MAPPED_PREFIX)
  return isMapped ? bytes.subarray(MAPPED_PREFIX.length) : bytes
}

/** The 16 bytes for an address of either family; IPv4 becomes IPv4-mapped. */
export function mappedBytes(bytes: Buffer): Buffer {
  return bytes.length === 4 ? Buffer.concat([MAPPED_PREFIX, bytes]) : bytes
}

function ipv6Bytes(ip: string): Buffer {
  const [address = ''] = ip.split('%')
  const [head = '', tail] = address.split('::')
  const first = groupBytes(head)
  const last = tail === undefined ? [] : groupBytes(tail)
  const gap = new Array<number>(16 - first.length - last.length).fill(0)
  return Buffer.from([...first, ...gap, ...last])
}

/** Of groups between colons, the last of which may be IPv4 text. */
function groupBytes(text: string): number[] {
  if (text === '') return []
  return text.split(':').flatMap((group) => {
    if (group.includes('.')) return group.split('.').map(Number)
    const value = Number.parseInt(group, 16)
    return [value >> 8, value & 0xff]
  })
}
