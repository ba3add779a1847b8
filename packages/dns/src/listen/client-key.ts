/** The /64 of an IPv6 address has four groups of 16 bits. */
const PREFIX_GROUPS = 4

/** How IPv4 clients of an IPv6 socket look (RFC 4291 section 2.5.5.2). */
const MAPPED_IPV4 = '::ffff:'

/**
 * Who a client is, by its address: IPv4 addresses count singly, IPv6 ones by their /64, of which one client may have
 * all (RFC 4291 section 2.5.4).
 *
 * @param address - canonical text, as sockets tell it; a zone may follow
 */
export function clientKey(address: string): string {
  if (!address.includes(':')) return address
  if (address.startsWith(MAPPED_IPV4) && address.includes('.')) return address.slice(MAPPED_IPV4.length)
  const gap = address.indexOf('::')
  const groups = (gap === -1 ? address : address.slice(0, gap)).split(':')
  // What the gap stands for are zeros; it may leave some of the first four groups behind it.
  if (gap !== -1) {
    const behind = address
      .slice(gap + 2)
      .split(':')
      .filter((group) => group !== '')
    while (groups.length + behind.length < 2 * PREFIX_GROUPS) groups.push('0')
    groups.push(...behind)
  }
  return groups.slice(0, PREFIX_GROUPS).join(':')
}
