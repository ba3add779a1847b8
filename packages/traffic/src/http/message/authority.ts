import { isIPv6 } from 'node:net'

/** Letters of a registered name or an IPv4 address (RFC 3986, 3.2.2), but no comma, which others take for a list. */
const NAME = /^(?:[A-Za-z0-9._~!$&'()*+;=-]|%[0-9A-Fa-f]{2}){1,255}$/
const PORT = /^[0-9]{0,5}$/
const MAX_PORT = 65_535

/** @returns whether that is a host and perhaps a port (RFC 9110, 7.2), without user information */
export function isAuthority(text: string): boolean {
  const colon = text.lastIndexOf(':')
  const isWithoutPort = colon === -1 || text.charCodeAt(text.length - 1) === CLOSING_BRACKET
  if (isWithoutPort) return isHost(text)
  return isPort(text.slice(colon + 1)) && isHost(text.slice(0, colon))
}

const OPENING_BRACKET = 0x5b
const CLOSING_BRACKET = 0x5d

function isHost(text: string): boolean {
  if (text.charCodeAt(0) !== OPENING_BRACKET) return NAME.test(text)
  const address = text.slice(1, -1)
  return text.endsWith(']') && !address.includes('%') && isIPv6(address)
}

function isPort(text: string): boolean {
  return PORT.test(text) && Number(text) <= MAX_PORT
}
