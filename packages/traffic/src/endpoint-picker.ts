import {
  type Endpoint,
  type ServiceDirectory,
  type ServicePortName,
  selectEndpoints,
  type TrafficScope,
  type Viewpoint,
} from '@edgeway/core'
import { RoundRobin } from './balance/round-robin.ts'

type Services = Pick<ServiceDirectory, 'endpoints' | 'servicePort' | 'serviceOf'>

/** Puts the endpoints of a ServicePort in the order in which a new flow tries them. */
export class EndpointPicker {
  readonly #services: Services
  readonly #viewpoint: Viewpoint
  /** The scopes of one ServicePort may have different endpoints: each goes round its own. */
  readonly #balancers = new Map<ServicePortName, Readonly<Record<TrafficScope, RoundRobin>>>()

  constructor(services: Services, viewpoint: Viewpoint) {
    this.#services = services
    this.#viewpoint = viewpoint
  }

  /** Empty when nothing can serve the ServicePort now. */
  order(name: ServicePortName, scope: TrafficScope): Endpoint[] {
    const service = this.#services.serviceOf(name)
    if (service === undefined) return []
    const endpoints = this.#services.endpoints(name)
    return this.#balancer(name, scope).order(selectEndpoints({ service, endpoints, scope }, this.#viewpoint))
  }

  /** Lets go of what is kept for a ServicePort that no longer exists. */
  forget(name: ServicePortName): void {
    if (this.#services.servicePort(name) === undefined) this.#balancers.delete(name)
  }

  #balancer(name: ServicePortName, scope: TrafficScope): RoundRobin {
    let balancers = this.#balancers.get(name)
    if (balancers === undefined) {
      balancers = { internal: new RoundRobin(), external: new RoundRobin() }
      this.#balancers.set(name, balancers)
    }
    return balancers[scope]
  }
}
