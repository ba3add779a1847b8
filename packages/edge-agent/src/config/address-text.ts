import { isIP, isIPv4, isIPv6 } from 'node:net'

/** `host:port`, where the host is a name, an IPv4 address, or an IPv6 address in brackets. */
export function isHostAndPort(text: string): boolean {
  const { bracketed, port } =
    /^(?:\[(?<bracketed>[^\]]+)\]|[^\s:/[\]@?#]+):(?<port>\d{1,5})$/.exec(text)?.groups ?? {}
  return isPort(port) && (bracketed === undefined || isIPv6(bracketed))
}

/** `host:port`, `ws://host[:port]` or `wss://host[:port]`, hosts as above. */
export function isServerAddress(text: string): boolean {
  const { rest } = /^wss?:\/\/(?<rest>.*?)\/?$/.exec(text)?.groups ?? {}
  if (rest === undefined) return isHostAndPort(text)
  return isHostAndPort(/:\d+$/.test(rest) ? rest : `${rest}:443`)
}

/** `ip`, `ipv4:port` or `[ipv6]:port`. */
export function isIpAndPort(text: string): boolean {
  if (isIP(text) !== 0) return true
  const { bracketed, plain, port } =
    /^(?:\[(?<bracketed>[^\]]+)\]|(?<plain>[\d.]+)):(?<port>\d{1,5})$/.exec(text)?.groups ?? {}
  return isPort(port) && (bracketed === undefined ? isIPv4(plain ?? '') : isIPv6(bracketed))
}

function isPort(text: string | undefined): boolean {
  return Number(text) >= 1 && Number(text) <= 65_535
}
