import { isIP } from 'node:net'
import { MalformedObjectError } from '../errors.ts'

/**
 * Canonical text of an address (RFC 5952), so that equal addresses are equal strings.
 *
 * @throws {MalformedObjectError} when it is no IP address
 */
export function canonicalIp(text: string, field: string): string {
  const version = isIP(text)
  if (version === 0 || text.includes('%')) throw new MalformedObjectError(field, text, 'an IP address')
  return version === 4 ? text : new URL(`http://[${text}]`).hostname.slice(1, -1)
}
