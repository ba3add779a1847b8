import { isIP } from 'node:net'

const DNS_PORT = 53

/** A resolver to ask for what is not the cluster's. */
export interface Upstream {
  readonly ip: string
  readonly port: number
  /** `ip:port`, IPv6 in brackets: names it in logs and metrics. */
  readonly name: string
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

function upstreamAt(ip: string, port: number): Upstream {
  return { ip, port, name: ip.includes(':') ? `[${ip}]:${port}` : `${ip}:${port}` }
}
