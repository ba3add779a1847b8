import { isIPv6 } from 'node:net'

/** `host:port`; IPv6 in brackets. */
export function isHostAndPort(text: string): boolean {
  const [, bracketed, port] = /^(?:\[([^\]]+)\]|[^:[\]/\s]+):(\d{1,5})$/.exec(text) ?? []
  const number = Number(port)
  return number >= 1 && number <= 65_535 && (bracketed === undefined || isIPv6(bracketed))
}

/** `host:port`, `ws://host[:port]` or `wss://host[:port]`, hosts as above. */
export function isServerAddress(text: string): boolean {
  const [, rest] = /^wss?:\/\/(.*?)\/?$/.exec(text) ?? []
  if (rest === undefined) return isHostAndPort(text)
  return isHostAndPort(/:\d+$/.test(rest.replace(/^\[.*\]/, '')) ? rest : `${rest}:443`)
}
