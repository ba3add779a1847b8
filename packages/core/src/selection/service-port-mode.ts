import { NO_CONNECTION_POOL } from '../model/destination-policy.ts'
import type { Endpoint } from '../model/endpoint.ts'
import type { Service, ServicePort } from '../model/service.ts'
import type { HealthState } from '../ports/endpoint-health.ts'
import { balancingPolicyOf, isKernelPolicy } from './balancing-policy.ts'
import { layerOf } from './request-policy.ts'
import {
  FORWARDING_ANNOTATION,
  INTERCEPT_ANNOTATION,
  PROXY_PROTOCOL_ANNOTATION,
} from './service-annotations.ts'
import { reachOf, type Viewpoint } from './viewpoint.ts'

/**
 * How connections to a ServicePort are treated on a node: carried by the kernel alone, forwarded by the agent, answered by the
 * node's own agent in place of the endpoints, or refused at once because nothing can serve them.
 */
export type ServicePortMode = 'KERNEL' | 'AGENT' | 'NODE' | 'REJECT'

/** What a mode is decided from. */
export interface ModeRequest {
  readonly port: ServicePort
  readonly service: Pick<Service, 'annotations' | 'clientIpAffinitySeconds' | 'destinationPolicy'>
  /** What `selectEndpoints` gave. */
  readonly selected: readonly Endpoint[]
  /** As for `selectEndpoints`. */
  readonly healthOf?: ((endpoint: Endpoint) => HealthState) | undefined
  /** Whether a listener of the agent answers it by itself, where it is called; not, unless given. */
  readonly answeredHere?: boolean | undefined
}

/** The Service that is never touched unless asked for: pods and the kubelet reach the API server by it. */
const API_SERVER_PREFIX = 'default/kubernetes:'

/**
 * @returns `undefined` for a ServicePort that the mesh leaves alone: of a Service that is left to another proxy, or of the
 *   API server's own Service
 */
export function servicePortMode(request: ModeRequest, viewpoint: Viewpoint): ServicePortMode | undefined {
  if (!isIntercepted(request)) return undefined
  // Whatever its endpoints are: the node answers while they can't be reached.
  if (request.answeredHere === true) return 'NODE'
  if (request.selected.length === 0) return 'REJECT'
  return isForKernel(request, viewpoint) ? 'KERNEL' : 'AGENT'
}

/** Whether the mesh carries the connections of a ServicePort at all. */
export function isIntercepted({
  port,
  service: { annotations },
}: Pick<ModeRequest, 'port'> & { readonly service: Pick<Service, 'annotations'> }): boolean {
  const wish = annotations[INTERCEPT_ANNOTATION]
  if (!port.proxied || wish === 'false') return false
  return wish === 'true' || !`${port.name}:`.startsWith(API_SERVER_PREFIX)
}

/**
 * The kernel balances by fewer policies, knows nothing of connections that fail, and sends packets only where plain routing
 * leads to the right pod. Where all endpoints fail, the agent tries one after the other, which the kernel can't.
 */
function isForKernel({ service, port, selected, healthOf }: ModeRequest, viewpoint: Viewpoint): boolean {
  const { annotations } = service
  if (annotations[FORWARDING_ANNOTATION] === 'agent' || wantsConnectionCare(service, port)) return false
  if (layerOf({ port, service, endpointCount: selected.length }) === 'l7') return false
  if (!isKernelPolicy(balancingPolicyOf(service))) return false
  if (healthOf !== undefined && selected.some((endpoint) => healthOf(endpoint) === 'unhealthy')) return false
  return selected.every(({ node }) => reachOf(node, viewpoint) !== 'tunnel')
}

/** Whether its connections are limited, watched, or begin with a word of the agent's. */
function wantsConnectionCare(
  { annotations, destinationPolicy }: ModeRequest['service'],
  port: ServicePort,
): boolean {
  if (port.protocol !== 'TCP') return false
  const { connectionPool = NO_CONNECTION_POOL, outlierDetection } = destinationPolicy ?? {}
  // What is wished of HTTP connections says which layer looks at them.
  const { http: _, ...ofConnections } = connectionPool
  return (
    annotations[PROXY_PROTOCOL_ANNOTATION] === 'v2' ||
    outlierDetection !== undefined ||
    Object.values(ofConnections).some((wish) => wish !== undefined)
  )
}
