import { type Endpoint, type ServiceDirectory, type ServicePortName, selectEndpoints } from '@edgeway/core'
import { RoundRobin } from './balance/round-robin.ts'

/** Puts the endpoints of a ServicePort in the order in which a new flow tries them. */
export class EndpointPicker {
  readonly #services: Pick<ServiceDirectory, 'endpoints' | 'servicePort'>
  readonly #balancers = new Map<ServicePortName, RoundRobin>()

  constructor(services: Pick<ServiceDirectory, 'endpoints' | 'servicePort'>) {
    this.#services = services
  }

  /** Empty when nothing can serve the ServicePort now. */
  order(name: ServicePortName): Endpoint[] {
    let balancer = this.#balancers.get(name)
    if (balancer === undefined) {
      balancer = new RoundRobin()
      this.#balancers.set(name, balancer)
    }
    return balancer.order(selectEndpoints(this.#services.endpoints(name)))
  }

  /** Lets go of what is kept for a ServicePort that no longer exists. */
  forget(name: ServicePortName): void {
    if (this.#services.servicePort(name) === undefined) this.#balancers.delete(name)
  }
}
