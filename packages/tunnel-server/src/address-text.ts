import { isIPv6 } from 'node:net'

/** `host:port`; IPv6 in brackets. */
export function isHostAndPort(text: string): boolean {
  const [, bracketed, port] = /^(?:\[([^\]]+)\]|[^:[\]/\s]+):(\d{1,5})$/.exec(text) ?? []
  const number = Number(port)
  return number >= 1 && number <= 65_535 && (bracketed === undefined || isIPv6(bracketed))
}
