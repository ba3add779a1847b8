import type { NodeName } from './node.ts'
import type { Protocol } from './protocol.ts'

/**
 * Where the bytes of a Service finally go. Its identity is (node, ip, port, protocol), never ip and port alone:
 * sites share private subnets, and pods of two nodes may have the same address.
 */
export interface Endpoint {
  /** The node that the pod runs on; `undefined` where the EndpointSlice names none. */
  readonly node: NodeName | undefined
  /** Canonical text, IPv4 or IPv6. */
  readonly ip: string
  readonly port: number
  readonly protocol: Protocol
  /** Condition `ready` of the EndpointSlice; absent there counts as ready (KEP-752). */
  readonly ready: boolean
}

/** One line for logs and map keys: `node/ip:port/protocol`, IPv6 in brackets. */
export function formatEndpoint({ node, ip, port, protocol }: Omit<Endpoint, 'ready'>): string {
  const host = ip.includes(':') ? `[${ip}]` : ip
  return `${node ?? '-'}/${host}:${port}/${protocol}`
}
