import { isDeepStrictEqual } from 'node:util'
import {
  type BalancingPolicy,
  balancingPolicyOf,
  type Endpoint,
  type EndpointHealth,
  endpointRanks,
  formatEndpoint,
  type HealthState,
  nodeWeights,
  type Service,
  type ServiceDirectory,
  type ServicePortName,
  selectEndpoints,
  type TrafficScope,
  type Viewpoint,
} from '@edgeway/core'
import type { Balancer, Candidate } from './balancer.ts'
import type { EndpointLoads } from './endpoint-loads.ts'

/** A new flow that looks for an endpoint. */
export interface Call {
  readonly servicePort: ServicePortName
  readonly scope: TrafficScope
  /** Without a port. */
  readonly clientIp: string
}

export interface EndpointPickerDeps {
  readonly services: Pick<ServiceDirectory, 'endpoints' | 'servicePort' | 'serviceOf'>
  readonly viewpoint: Viewpoint
  readonly health: Pick<EndpointHealth, 'state'>
  readonly loads: Pick<EndpointLoads, 'loadOf'>
  balancerFor(policy: BalancingPolicy): Balancer
}

/** What a ServicePort's balancers remember holds for as long as its policy does. */
interface Balancers {
  readonly policy: BalancingPolicy
  /** The scopes of one ServicePort may have different endpoints: each has its own. */
  readonly byScope: Readonly<Record<TrafficScope, Balancer>>
}

interface Choice extends Candidate {
  readonly endpoint: Endpoint
}

/** Puts the endpoints of a ServicePort in the order in which a new flow tries them. */
export class EndpointPicker {
  readonly #deps: EndpointPickerDeps
  readonly #balancers = new Map<ServicePortName, Balancers>()

  constructor(deps: EndpointPickerDeps) {
    this.#deps = deps
  }

  /**
   * First come the endpoints that selection leaves, by the Service's balancing policy; then the others that it may use, in
   * the order of their ranks; those that are known to fail come last. Each is chosen only when it is asked for. Empty
   * when nothing can serve the ServicePort now.
   */
  *order(call: Call): Generator<Endpoint> {
    const { services, viewpoint, health } = this.#deps
    const { servicePort, scope } = call
    const service = services.serviceOf(servicePort)
    if (service === undefined) return
    const healthOf = (endpoint: Endpoint): HealthState => health.state(servicePort, endpoint)
    const request = { service, endpoints: services.endpoints(servicePort), scope, healthOf }
    const flow = { call, service, tried: new Set<string>() }
    yield* this.#each(flow, selectEndpoints(request, viewpoint))
    for (const rank of endpointRanks(request, viewpoint))
      yield* this.#each(
        flow,
        rank.filter((endpoint) => healthOf(endpoint) !== 'unhealthy'),
      )
    for (const rank of endpointRanks(request, viewpoint)) yield* this.#each(flow, rank)
  }

  /** Lets go of what is kept for a ServicePort that no longer exists. */
  forget(name: ServicePortName): void {
    if (this.#deps.services.servicePort(name) === undefined) this.#balancers.delete(name)
  }

  /** Those that this flow has not tried, as the balancer wants them. */
  *#each(flow: Flow, endpoints: readonly Endpoint[]): Generator<Endpoint> {
    const left = this.#choices(flow, endpoints)
    while (isNotEmpty(left)) {
      const choice = this.#balancer(flow).pick(left, flow.call.clientIp)
      flow.tried.add(choice.key)
      left.splice(left.indexOf(choice), 1)
      yield choice.endpoint
    }
  }

  /** Two EndpointSlices may list one pod. */
  #choices({ call, service, tried }: Flow, endpoints: readonly Endpoint[]): Choice[] {
    const weights = nodeWeights(service.annotations)
    const choices = new Map<string, Choice>()
    for (const endpoint of endpoints) {
      const key = formatEndpoint(endpoint)
      if (tried.has(key) || choices.has(key)) continue
      const { openFlows, connectMs } = this.#deps.loads.loadOf(call.servicePort, key)
      choices.set(key, {
        key,
        endpoint,
        weight: weights.get(endpoint.node ?? '') ?? 1,
        openFlows,
        connectMs,
      })
    }
    return [...choices.values()]
  }

  #balancer({ call: { servicePort, scope }, service }: Flow): Balancer {
    const policy = balancingPolicyOf(service)
    let balancers = this.#balancers.get(servicePort)
    if (balancers === undefined || !isDeepStrictEqual(balancers.policy, policy)) {
      const { balancerFor } = this.#deps
      balancers = { policy, byScope: { internal: balancerFor(policy), external: balancerFor(policy) } }
      this.#balancers.set(servicePort, balancers)
    }
    return balancers.byScope[scope]
  }
}

/** One flow's way through the endpoints. */
interface Flow {
  readonly call: Call
  readonly service: Service
  readonly tried: Set<string>
}

function isNotEmpty<Item>(items: Item[]): items is [Item, ...Item[]] {
  return items.length > 0
}
