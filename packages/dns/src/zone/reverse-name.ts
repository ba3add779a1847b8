import { ipFamilyOf } from '@edgeway/core'

const IPV6_GROUPS = 8
const REVERSE_LABELS = { 'in-addr': 4 + 2, ip6: 32 + 2 }

/** The name of an address in the reverse tree (RFC 1035 section 3.5, RFC 3596 section 2.5). */
export function reverseNameOf(ip: string): string {
  if (ipFamilyOf(ip) === 'IPv4') return `${ip.split('.').toReversed().join('.')}.in-addr.arpa`
  return `${[...nibblesOf(ip)].toReversed().join('.')}.ip6.arpa`
}

/** True for labels as `reverseNameOf` makes them for some address, as far as their number and end tell. */
export function isReverseName(labels: readonly string[]): boolean {
  const { length } = labels
  if (labels[length - 1] !== 'arpa') return false
  const family = labels[length - 2]
  return (
    (family === 'in-addr' && length === REVERSE_LABELS['in-addr']) ||
    (family === 'ip6' && length === REVERSE_LABELS.ip6)
  )
}

/** @param ip - canonical text, so without an IPv4 address at its end */
function nibblesOf(ip: string): string {
  const [head = '', tail = ''] = ip.split('::')
  const groups = (text: string): string[] => (text === '' ? [] : text.split(':'))
  const zeros = Array.from({ length: IPV6_GROUPS - groups(head).length - groups(tail).length }, () => '0')
  return [...groups(head), ...zeros, ...groups(tail)].map((group) => group.padStart(4, '0')).join('')
}
