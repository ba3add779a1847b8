import type {
  Endpoint,
  HealthState,
  Node,
  NodeName,
  Service,
  ServicePort,
  ServicePortMode,
  TrafficScope,
} from '@edgeway/core'
import { endpointAt, nodeOf } from '../builders.ts'

/** What is chosen from some endpoints; what is missing is as usual. */
export interface SelectionCase {
  readonly title: string
  readonly service?: Partial<Service>
  readonly port?: Partial<ServicePort>
  readonly endpoints: readonly Endpoint[]
  /** Healthy, unless given. */
  readonly health?: readonly (readonly [Endpoint, HealthState])[]
  /** `EVERY_NODE`, unless given. */
  readonly nodes?: readonly Node[]
  /** `OWN_NODE`, unless given. */
  readonly nodeName?: NodeName
  /** `internal`, unless given. */
  readonly scope?: TrafficScope
  /** Not, unless given. */
  readonly answeredHere?: boolean
  readonly expected: readonly Endpoint[]
  /** Missing: REJECT without endpoints, else any but that; `undefined`: the ServicePort is left alone. */
  readonly mode?: ServicePortMode | undefined
}

const EDGE = { 'node-role.kubernetes.io/edge': '' }
const LAN = { 'edgeway.io/lan': 'hall' }
const GROUP = { 'apps.kubeedge.io/belonging-to': 'shops' }
export const ZONE = { 'topology.kubernetes.io/zone': 'zone-a' }
const REGION = { 'topology.kubernetes.io/region': 'region-a' }

/** One node at each distance: the own one, those that share one thing with it, and those that share nothing. */
export const EVERY_NODE: readonly Node[] = [
  nodeOf('own', { labels: { ...EDGE, ...LAN, ...GROUP, ...ZONE, ...REGION } }),
  nodeOf('same-lan', { labels: { ...EDGE, ...LAN } }),
  nodeOf('same-group', { labels: { ...EDGE, ...GROUP } }),
  nodeOf('same-zone', { labels: { ...EDGE, ...ZONE } }),
  nodeOf('same-region', { labels: { ...EDGE, ...REGION } }),
  nodeOf('cloud'),
  nodeOf('far', { labels: EDGE }),
]

export const OWN_NODE = 'own' as NodeName

export const OWN = pod('own', '10.1.0.1')
export const SAME_LAN = pod('same-lan', '10.1.0.2')
export const SAME_GROUP = pod('same-group', '10.1.0.3')
export const SAME_ZONE = pod('same-zone', '10.1.0.4')
export const SAME_REGION = pod('same-region', '10.1.0.5')
export const CLOUD = pod('cloud', '10.1.0.6')
export const FAR = pod('far', '10.1.0.7')
/** Set by hand, e.g. a database outside the cluster. */
export const NO_NODE = pod(undefined, '192.0.2.1')
/** On a node that nobody has heard of. */
export const UNKNOWN = pod('unheard-of', '10.1.0.8')

/** One on each node, nearest last. */
export const ALL: readonly Endpoint[] = [FAR, CLOUD, SAME_REGION, SAME_ZONE, SAME_GROUP, SAME_LAN, OWN]

export function pod(node: string | undefined, ip: string): Endpoint {
  return endpointAt({ node: node as NodeName | undefined, ip, port: 8080, protocol: 'TCP' })
}

export function notReady(endpoint: Endpoint): Endpoint {
  return { ...endpoint, ready: false, serving: false }
}

/** Its pod is about to end, and still serves. */
export function ending(endpoint: Endpoint): Endpoint {
  return { ...endpoint, ready: false, terminating: true }
}

/** Its pod is about to end, and no longer serves. */
export function ended(endpoint: Endpoint): Endpoint {
  return { ...endpoint, ready: false, serving: false, terminating: true }
}

export function forZones(endpoint: Endpoint, ...zones: readonly string[]): Endpoint {
  return { ...endpoint, forZones: zones }
}
