import type { Endpoint } from '../model/endpoint.ts'
import type { Service, ServicePort } from '../model/service.ts'
import { balancingPolicyOf } from './balancing-policy.ts'
import { FORWARDING_ANNOTATION, INTERCEPT_ANNOTATION } from './service-annotations.ts'
import { reachOf, type Viewpoint } from './viewpoint.ts'

/**
 * How connections to a ServicePort are treated on a node: carried by the kernel alone, forwarded by the agent, or refused at
 * once because nothing can serve them.
 */
export type ServicePortMode = 'KERNEL' | 'AGENT' | 'REJECT'

/** What a mode is decided from. */
export interface ModeRequest {
  readonly port: ServicePort
  readonly service: Pick<Service, 'annotations' | 'clientIpAffinitySeconds'>
  /** What `selectEndpoints` gave. */
  readonly selected: readonly Endpoint[]
}

/** The Service that is never touched unless asked for: pods and the kubelet reach the API server by it. */
const API_SERVER_PREFIX = 'default/kubernetes:'

/**
 * @returns `undefined` for a ServicePort that the mesh leaves alone: of a Service that is left to another proxy, of the API
 *   server's own Service, or UDP to endpoints that the kernel can't reach (not forwarded yet)
 */
export function servicePortMode(request: ModeRequest, viewpoint: Viewpoint): ServicePortMode | undefined {
  if (!isIntercepted(request)) return undefined
  if (request.selected.length === 0) return 'REJECT'
  return isForKernel(request, viewpoint) ? 'KERNEL' : modeWithoutKernel(request.port)
}

/** The mode of one that has endpoints but can't be carried by the kernel. */
export function modeWithoutKernel({ protocol }: ServicePort): 'AGENT' | undefined {
  return protocol === 'TCP' ? 'AGENT' : undefined
}

function isIntercepted({ port, service: { annotations } }: ModeRequest): boolean {
  const wish = annotations[INTERCEPT_ANNOTATION]
  if (!port.proxied || wish === 'false') return false
  return wish === 'true' || !`${port.name}:`.startsWith(API_SERVER_PREFIX)
}

/** The kernel balances by fewer policies, and sends packets only where plain routing leads to the right pod. */
function isForKernel({ service, selected }: ModeRequest, viewpoint: Viewpoint): boolean {
  if (service.annotations[FORWARDING_ANNOTATION] === 'agent') return false
  if (balancingPolicyOf(service).kind === 'round-robin') return false
  return selected.every(({ node }) => reachOf(node, viewpoint) !== 'tunnel')
}
