import { isIP } from 'node:net'

const DNS_PORT = 53

/** A resolver to ask for what is not answered from memory. */
export interface Upstream {
  readonly ip: string
  readonly port: number
  /** `ip:port`, IPv6 in brackets: names it in logs. */
  readonly name: string
  /** Names it in metrics, from a closed set: its name, unless such resolvers come and go. */
  readonly label: string
}

/** @param text - `ip`, `ip:port` or `[ipv6]:port`; port 53 where none is given */
export function parseUpstream(text: string): Upstream | undefined {
  if (isIP(text) !== 0) return upstreamAt(text, DNS_PORT)
  const match = /^(?:\[(?<ipv6>[^\]]+)\]|(?<ipv4>[\d.]+)):(?<port>\d{1,5})$/.exec(text)
  const { ipv4, ipv6, port } = match?.groups ?? {}
  const [ip, family] = ipv4 === undefined ? [ipv6 ?? '', 6] : [ipv4, 4]
  if (isIP(ip) !== family || Number(port) < 1 || Number(port) > 65_535) return undefined
  return upstreamAt(ip, Number(port))
}

/** @param label - in metrics, where it is not to be its name */
export function upstreamAt(ip: string, port: number, label?: string): Upstream {
  const name = ip.includes(':') ? `[${ip}]:${port}` : `${ip}:${port}`
  return { ip, port, name, label: label ?? name }
}
