import type { Endpoint } from '../model/endpoint.ts'
import { nodeGroupOf } from '../model/node.ts'
import type { Service } from '../model/service.ts'
import { RANGE_NODE_GROUP, SERVICE_TOPOLOGY_ANNOTATION, topologyWords } from './service-annotations.ts'
import {
  hintedEndpoints,
  isWithin,
  nearestEndpoints,
  TOPOLOGY_CLASSES,
  type TopologyClass,
} from './topology.ts'
import type { Viewpoint } from './viewpoint.ts'

/**
 * Which of a Service's traffic policies counts: the `internal` one for connections to its ClusterIPs, the `external` one
 * for those to node ports, external IPs and load balancers' IPs.
 */
export type TrafficScope = 'internal' | 'external'

/** What a selection is made from. */
export interface SelectionRequest {
  readonly service: Pick<
    Service,
    'internalTrafficPolicy' | 'externalTrafficPolicy' | 'trafficDistribution' | 'annotations'
  >
  /** All endpoints of the ServicePort, in any condition. */
  readonly endpoints: readonly Endpoint[]
  readonly scope: TrafficScope
}

/** Without any wish: as near as possible. */
const NEAREST_FIRST: readonly TopologyClass[] = TOPOLOGY_CLASSES

/**
 * The endpoints that new flows of a ServicePort may go to, as seen from a node, in their given order. First come limits
 * that nothing lifts (the NodeGroup of `range-nodegroup`, policy `Local`, the annotation `edgeway.io/topology` without
 * `any`), then conditions, then what is preferred: by that annotation, else hints and `trafficDistribution`, else the
 * nearest.
 *
 * @returns an empty array when nothing can serve the ServicePort now: it is to be refused at once
 */
export function selectEndpoints(request: SelectionRequest, viewpoint: Viewpoint): readonly Endpoint[] {
  const { service, endpoints, scope } = request
  const policy = scope === 'internal' ? service.internalTrafficPolicy : service.externalTrafficPolicy
  const wished = topologyWords(service.annotations).flatMap(classOf)
  const allowed = endpoints
    .filter((endpoint) => isInRange(endpoint, service, viewpoint))
    .filter(({ node }) => policy !== 'Local' || node === viewpoint.nodeName)
    .filter((endpoint) => wished.length === 0 || wished.some((one) => isWithin(endpoint, one, viewpoint)))
  const able = ableEndpoints(allowed)
  return wished.length > 0 ? nearestEndpoints(able, wished, viewpoint) : preferred(able, service, viewpoint)
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

function preferred(
  endpoints: readonly Endpoint[],
  { trafficDistribution }: SelectionRequest['service'],
  viewpoint: Viewpoint,
): readonly Endpoint[] {
  if (trafficDistribution === 'PreferSameNode') {
    const own = nearestEndpoints(endpoints, ['node'], viewpoint)
    if (own.length > 0) return own
  }
  const hinted = hintedEndpoints(endpoints, viewpoint)
  if (hinted !== undefined) return hinted
  const order = trafficDistribution === undefined ? NEAREST_FIRST : SAME_ZONE_FIRST
  return nearestEndpoints(endpoints, order, viewpoint)
}

/** All wishes of KEP-4444 and KEP-3015 come down to it where no hints are given. */
const SAME_ZONE_FIRST: readonly TopologyClass[] = ['zone', 'any']

function classOf(word: string): TopologyClass[] {
  return TOPOLOGY_CLASSES.filter((known) => known === word)
}
