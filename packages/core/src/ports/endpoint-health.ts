import type { EndpointAddress } from '../model/endpoint.ts'
import type { ServicePortName } from '../model/service.ts'

/**
 * What is known of an endpoint beyond the cluster's word. `recovering`: it answers again, but has not done so for long
 * enough to draw calls back from others.
 */
export type HealthState = 'healthy' | 'recovering' | 'unhealthy'

/** Which endpoints fail, as seen from this node. Implemented by `HealthBook` (traffic); proxier leaves out the unhealthy. */
export interface EndpointHealth {
  /** `healthy` for one of which nothing is known. */
  state(service: ServicePortName, endpoint: EndpointAddress): HealthState

  /** Calls `listener` after each change of an answer, until the subscription is disposed. */
  watch(listener: (changed: ServicePortName) => void): Disposable
}
