import { isIPv6 } from 'node:net'
import { COLON } from './char-classes.ts'

/**
 * Letters of a registered name or an IPv4 address (RFC 3986, 3.2.2), but no comma, which others take for a list; 1 by char code.
 */
const NAME = Uint8Array.from({ length: 128 }, (_, code) =>
  /[A-Za-z0-9._~!$&'()*+;=%-]/.test(String.fromCharCode(code)) ? 1 : 0,
)
const BAD_ESCAPE = /%(?![0-9A-Fa-f]{2})/
const BRACKETED = /^\[([0-9A-Fa-f:.]+)\](?=:|$)/
const PORT = /^:[0-9]{0,5}$/
const MAX_NAME = 255
const MAX_PORT = 65_535
const OPENING_BRACKET = 0x5b

/** @returns whether that is a host and perhaps a port (RFC 9110, 7.2), without user information */
export function isAuthority(text: string): boolean {
  const end = text.charCodeAt(0) === OPENING_BRACKET ? endOfAddress(text) : endOfName(text)
  return end > 0 && (end === text.length || isPort(text, end))
}

/** @returns index after the host; 0 where it is none */
function endOfName(text: string): number {
  let at = 0
  while (at < text.length && NAME[text.charCodeAt(at)] === 1) at++
  if (at > MAX_NAME || (text.includes('%') && BAD_ESCAPE.test(text))) return 0
  return at
}

function endOfAddress(text: string): number {
  const [bracketed, address] = BRACKETED.exec(text) ?? []
  return bracketed !== undefined && address !== undefined && isIPv6(address) ? bracketed.length : 0
}

function isPort(text: string, at: number): boolean {
  if (text.charCodeAt(at) !== COLON) return false
  const port = text.slice(at)
  return PORT.test(port) && Number(port.slice(1)) <= MAX_PORT
}
