import { isIPv4, isIPv6 } from 'node:net'

/**
 * The address that the name of a pod says, e.g. `10-1-0-7` or `fd00--7`.
 *
 * @returns `undefined` for a label that is no address; the text of an IPv6 address may be any of its forms
 */
export function podIpOf(label: string): string | undefined {
  // The text of an IPv6 address may also hold dots or a zone, and a label any byte.
  if (!/^[\da-f-]+$/.test(label)) return undefined
  const ipv4 = label.replaceAll('-', '.')
  if (isIPv4(ipv4)) return ipv4
  const ipv6 = label.replaceAll('-', ':')
  return isIPv6(ipv6) ? ipv6 : undefined
}
