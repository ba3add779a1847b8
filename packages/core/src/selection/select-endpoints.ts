import type { Endpoint } from '../model/endpoint.ts'
import { nodeGroupOf } from '../model/node.ts'
import type { Service } from '../model/service.ts'
import type { HealthState } from '../ports/endpoint-health.ts'
import { RANGE_NODE_GROUP, SERVICE_TOPOLOGY_ANNOTATION, topologyWords } from './service-annotations.ts'
import { hintedEndpoints, isWithin, TOPOLOGY_CLASSES, type TopologyClass } from './topology.ts'
import type { Viewpoint } from './viewpoint.ts'

/**
 * Which of a Service's traffic policies counts: the `internal` one for connections to its ClusterIPs, the `external` one
 * for those to node ports, external IPs and load balancers' IPs.
 */
export const TRAFFIC_SCOPES = ['internal', 'external'] as const

export type TrafficScope = (typeof TRAFFIC_SCOPES)[number]

/** What a selection is made from. */
export interface SelectionRequest {
  readonly service: Pick<
    Service,
    'internalTrafficPolicy' | 'externalTrafficPolicy' | 'trafficDistribution' | 'annotations'
  >
  /** All endpoints of the ServicePort, in any condition. */
  readonly endpoints: readonly Endpoint[]
  readonly scope: TrafficScope
  /** What is known of an endpoint's health; without, all count as healthy. */
  readonly healthOf?: ((endpoint: Endpoint) => HealthState) | undefined
}

/**
 * The endpoints that new flows of a ServicePort may go to, as seen from a node, in their given order: of the first rank
 * that has a healthy one, those that are not known to fail; where no rank has one, those of the first that recover; else
 * those of the first rank, since none is better.
 *
 * @returns an empty array when nothing can serve the ServicePort now: it is to be refused at once
 */
export function selectEndpoints(request: SelectionRequest, viewpoint: Viewpoint): readonly Endpoint[] {
  const ranks = endpointRanks(request, viewpoint)
  if (request.healthOf !== undefined) return healthiest(ranks, request.healthOf)
  const [first = []] = ranks
  return first
}

/** What `selectEndpoints` takes of ranks, the best first; also of those that are left of ranks after some were tried. */
export function healthiest<Item>(
  ranks: Iterable<readonly Item[]>,
  healthOf: (item: Item) => HealthState,
): readonly Item[] {
  const isHealthy = (item: Item): boolean => healthOf(item) === 'healthy'
  let first: readonly Item[] | undefined
  let recovering: readonly Item[] | undefined
  for (const rank of ranks) {
    if (rank.length === 0) continue
    // As it is nearly always, for each of very many requests.
    if (rank.every(isHealthy)) return rank
    const able = rank.filter((item) => healthOf(item) !== 'unhealthy')
    if (able.some(isHealthy)) return able
    first ??= rank
    if (able.length > 0) recovering ??= able
  }
  return recovering ?? first ?? []
}

/**
 * All endpoints that new flows may go to, whatever their health, in ranks that have no endpoint in common: the best
 * first. First come limits that nothing lifts (the NodeGroup of `range-nodegroup`, policy `Local`, the annotation
 * `edgeway.io/topology` without `any`), then conditions, then what is preferred: by that annotation, else hints and
 * `trafficDistribution`, else the nearest. Ranks are made as they are asked for, and none is empty.
 */
export function* endpointRanks(
  { service, endpoints, scope }: SelectionRequest,
  viewpoint: Viewpoint,
): Generator<readonly Endpoint[]> {
  const policy = scope === 'internal' ? service.internalTrafficPolicy : service.externalTrafficPolicy
  const wished = topologyWords(service.annotations).flatMap(classOf)
  const allowed = endpoints
    .filter((endpoint) => isInRange(endpoint, service, viewpoint))
    .filter(({ node }) => policy !== 'Local' || node === viewpoint.nodeName)
    .filter((endpoint) => wished.length === 0 || wished.some((one) => isWithin(endpoint, one, viewpoint)))
  let left = ableEndpoints(allowed)
  const choices = wished.length > 0 ? wished.map(within) : preferences(service)
  for (const choose of choices) {
    if (left.length === 0) return
    const rank = choose(left, viewpoint)
    if (rank.length === 0) continue
    yield rank
    left = left.filter((endpoint) => !rank.includes(endpoint))
  }
}

/**
 * A Service of KubeEdge's EdgeApplications may be closed within NodeGroups: also for nodes that are in none. A node that is
 * not known may be in any, so that it shares one with itself only.
 */
function isInRange(
  { node }: Endpoint,
  { annotations }: SelectionRequest['service'],
  { nodeName, nodes }: Viewpoint,
): boolean {
  if (annotations[SERVICE_TOPOLOGY_ANNOTATION] !== RANGE_NODE_GROUP) return true
  if (node === undefined) return false
  if (node === nodeName) return true
  const [there, own] = [nodes.node(node), nodes.node(nodeName)]
  return there !== undefined && own !== undefined && nodeGroupOf(there) === nodeGroupOf(own)
}

/**
 * The ready ones; when there is none, those that serve while they end.
 *
 * @see KEP-1669, "Proxy Terminating Endpoints"
 */
function ableEndpoints(endpoints: readonly Endpoint[]): readonly Endpoint[] {
  const ready = endpoints.filter((endpoint) => endpoint.ready)
  return ready.length > 0 ? ready : endpoints.filter(({ serving, terminating }) => serving && terminating)
}

/** Which of those that are left come next. */
type Choice = (endpoints: readonly Endpoint[], viewpoint: Viewpoint) => readonly Endpoint[]

function within(topologyClass: TopologyClass): Choice {
  return (endpoints, viewpoint) =>
    endpoints.filter((endpoint) => isWithin(endpoint, topologyClass, viewpoint))
}

const hinted: Choice = (endpoints, viewpoint) => hintedEndpoints(endpoints, viewpoint) ?? []

/** Without any wish: as near as possible. */
const NEAREST_FIRST: readonly Choice[] = [hinted, ...TOPOLOGY_CLASSES.map(within)]
/** All wishes of KEP-4444 and KEP-3015 come down to it where no hints are given. */
const SAME_ZONE_FIRST: readonly Choice[] = [hinted, within('zone'), within('any')]
const SAME_NODE_FIRST: readonly Choice[] = [within('node'), ...SAME_ZONE_FIRST]

function preferences({ trafficDistribution }: SelectionRequest['service']): readonly Choice[] {
  if (trafficDistribution === undefined) return NEAREST_FIRST
  return trafficDistribution === 'PreferSameNode' ? SAME_NODE_FIRST : SAME_ZONE_FIRST
}

function classOf(word: string): TopologyClass[] {
  return TOPOLOGY_CLASSES.filter((known) => known === word)
}
