import type { Endpoint } from '../model/endpoint.ts'
import type { ServicePort } from '../model/service.ts'
import { selectEndpoints } from './select-endpoints.ts'

/**
 * How connections to a ServicePort's ClusterIPs are treated on a node: forwarded by the agent, or refused at once
 * because nothing can serve them.
 */
export type ServicePortMode = 'AGENT' | 'REJECT'

/** The one ServicePort that is never touched unless asked for: pods and the kubelet reach the API server by it. */
const API_SERVER_SERVICE = 'default/kubernetes:https'

/**
 * @param endpoints - all endpoints of the ServicePort, in any condition
 * @returns `undefined` for a ServicePort that the mesh leaves alone: headless, UDP (not forwarded yet), of a Service that is
 *   left to another proxy, or the API server's own Service
 */
export function servicePortMode(
  port: ServicePort,
  endpoints: readonly Endpoint[],
): ServicePortMode | undefined {
  if (!port.proxied || port.clusterIps.length === 0 || port.protocol !== 'TCP') return undefined
  if (port.name === API_SERVER_SERVICE) return undefined
  return selectEndpoints(endpoints).length > 0 ? 'AGENT' : 'REJECT'
}
