import type { NodeName } from '@edgeway/core'

/** Node names are DNS subdomains. @see RFC 1123, section 2.1 */
export function isNodeName(text: string): text is NodeName {
  return text.length <= 253 && /^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/.test(text)
}
