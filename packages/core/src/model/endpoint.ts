import type { NodeName } from './node.ts'
import type { Protocol } from './protocol.ts'

/**
 * Where the bytes of a Service finally go, and the identity of an Endpoint: never ip and port alone, since sites share
 * private subnets and pods of two nodes may have the same address.
 */
export interface EndpointAddress {
  /** The node that the pod runs on; `undefined` where the EndpointSlice names none. */
  readonly node: NodeName | undefined
  /** Canonical text, IPv4 or IPv6. */
  readonly ip: string
  readonly port: number
  readonly protocol: Protocol
}

/** One of those that serve a Service, with its state (KEP-752, KEP-1672) and where it is meant for (KEP-2433). */
export interface Endpoint extends EndpointAddress {
  /** It takes new connections. */
  readonly ready: boolean
  /** It would take them even now, when nobody else does: also true while it ends. */
  readonly serving: boolean
  /** Its pod is about to end. */
  readonly terminating: boolean
  /** `topology.kubernetes.io/zone` of its node, as the EndpointSlice has it. */
  readonly zone: string | undefined
  /** Zones whose clients should use it (topology hints); empty: no hint. */
  readonly forZones: readonly string[]
  /** Its own name within a headless Service. */
  readonly hostname: string | undefined
  readonly pod: PodRef | undefined
}

/** One life of a pod: one made anew under the same name is another one. */
export interface PodRef {
  readonly namespace: string
  readonly name: string
  readonly uid: string | undefined
}

/** One line for logs and map keys: `node/ip:port/protocol`, IPv6 in brackets. */
export function formatEndpoint({ node, ip, port, protocol }: EndpointAddress): string {
  const host = ip.includes(':') ? `[${ip}]` : ip
  return `${node ?? '-'}/${host}:${port}/${protocol}`
}
