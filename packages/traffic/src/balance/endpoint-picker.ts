import { isDeepStrictEqual } from 'node:util'
import {
  type BalancingPolicy,
  balancingPolicyOf,
  type Endpoint,
  type EndpointHealth,
  endpointRanks,
  formatEndpoint,
  healthiest,
  nodeWeights,
  type Service,
  type ServiceDirectory,
  type ServicePortName,
  type TrafficScope,
  type Viewpoint,
} from '@edgeway/core'
import type { Balancer, Candidate } from './balancer.ts'
import type { EndpointLoads, Load } from './endpoint-loads.ts'
import { type ChosenEndpoint, type EndpointChooser, EndpointOrder } from './endpoint-order.ts'

/** A new flow that looks for an endpoint. */
export interface Call {
  readonly servicePort: ServicePortName
  readonly scope: TrafficScope
  /** Without a port. */
  readonly clientIp: string
  /** What must stay together, for a policy by header, cookie or server name; the client's address, unless given. Others go by that. */
  readonly key?: string | undefined
}

/** For who goes through the endpoints of a call, and no more. */
export interface EndpointsOfCalls {
  order(call: Call): Iterable<Endpoint>
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
  readonly service: Service
  readonly policy: BalancingPolicy
  /** The scopes of one ServicePort may have different endpoints: each has its own. */
  readonly byScope: Readonly<Record<TrafficScope, Balancer>>
}

/** Endpoints of one ServicePort and scope, in ranks, as long as Service, endpoints and Nodes are what they were. */
interface Ranks {
  readonly service: Service
  readonly endpoints: readonly Endpoint[]
  readonly ranks: readonly (readonly Choice[])[]
}

/** Other policies by hash are the client's own, whatever it asks for. */
const BY_KEY: ReadonlySet<BalancingPolicy['kind']> = new Set([
  'header-hash',
  'cookie-hash',
  'server-name-hash',
])

/** Puts the endpoints of a ServicePort in the order in which a new flow tries them. */
export class EndpointPicker implements EndpointChooser<Call> {
  readonly #deps: EndpointPickerDeps
  readonly #balancers = new Map<ServicePortName, Balancers>()
  readonly #ranks = new Map<ServicePortName, Map<TrafficScope, Ranks>>()

  constructor(deps: EndpointPickerDeps) {
    this.#deps = deps
  }

  /**
   * First come the endpoints that selection leaves, by the Service's balancing policy; then the others that it may use, in
   * the order of their ranks; those that are known to fail come last. Each is chosen only when it is asked for, from what
   * is known by then. Empty when nothing can serve the ServicePort now.
   */
  order(call: Call): EndpointOrder<Call> {
    return new EndpointOrder(this, call)
  }

  /** One step of `order`. */
  choose(call: Call, tried?: ReadonlySet<string>): ChosenEndpoint | undefined {
    const service = this.#deps.services.serviceOf(call.servicePort)
    if (service === undefined) return undefined
    const candidates = this.#candidates(call.servicePort, this.#ranksOf(call, service), tried)
    if (!isNotEmpty(candidates)) return undefined
    const { policy, byScope } = this.#balancersOf(call.servicePort, service)
    const key = BY_KEY.has(policy.kind) ? call.key : undefined
    return byScope[call.scope].pick(candidates, key ?? call.clientIp)
  }

  /** Lets go of what is kept for a ServicePort that no longer exists. */
  forget(name: ServicePortName): void {
    if (this.#deps.services.servicePort(name) !== undefined) return
    this.#balancers.delete(name)
    this.#ranks.delete(name)
  }

  /** To be called when a Node has changed: it may be nearer or farther now. */
  forgetRanks(): void {
    this.#ranks.clear()
  }

  /** Most often nothing was tried and nothing fails: then they are what is remembered, without any list made. */
  #candidates(
    servicePort: ServicePortName,
    ranks: Ranks['ranks'],
    tried: ReadonlySet<string> | undefined,
  ): readonly Choice[] {
    const { health } = this.#deps
    const [first] = ranks
    if (first === undefined) return NO_CHOICES
    if (tried === undefined && this.#areHealthy(servicePort, first)) return first
    return healthiest(untried(ranks, tried), ({ endpoint }) => health.state(servicePort, endpoint))
  }

  #areHealthy(servicePort: ServicePortName, choices: readonly Choice[]): boolean {
    const { health } = this.#deps
    for (const { endpoint } of choices) if (health.state(servicePort, endpoint) !== 'healthy') return false
    return true
  }

  #ranksOf({ servicePort, scope }: Call, service: Service): Ranks['ranks'] {
    const { services, viewpoint } = this.#deps
    const endpoints = services.endpoints(servicePort)
    const byScope = this.#ranks.get(servicePort) ?? new Map<TrafficScope, Ranks>()
    const known = byScope.get(scope)
    if (known?.service === service && known.endpoints === endpoints) return known.ranks
    const weights = nodeWeights(service.annotations)
    const { loads } = this.#deps
    const seen = new Set<string>()
    const ranks = [...endpointRanks({ service, endpoints, scope }, viewpoint)].map((rank) =>
      rank.flatMap((endpoint) => {
        const choice = new Choice(servicePort, endpoint, { loads, weights })
        // Two EndpointSlices may list one pod.
        return seen.size === seen.add(choice.key).size ? [] : [choice]
      }),
    )
    this.#ranks.set(servicePort, byScope.set(scope, { service, endpoints, ranks }))
    return ranks
  }

  #balancersOf(servicePort: ServicePortName, service: Service): Balancers {
    const known = this.#balancers.get(servicePort)
    if (known?.service === service) return known
    const policy = balancingPolicyOf(service)
    const { balancerFor } = this.#deps
    const byScope =
      known !== undefined && isDeepStrictEqual(known.policy, policy)
        ? known.byScope
        : { internal: balancerFor(policy), external: balancerFor(policy) }
    const balancers = { service, policy, byScope }
    this.#balancers.set(servicePort, balancers)
    return balancers
  }
}

/** An endpoint as a candidate, whose load is looked up when a balancer asks. */
class Choice implements Candidate {
  readonly key: string
  readonly endpoint: Endpoint
  readonly weight: number
  readonly #servicePort: ServicePortName
  readonly #loads: EndpointPickerDeps['loads']
  #known: Load | undefined

  constructor(
    servicePort: ServicePortName,
    endpoint: Endpoint,
    deps: Pick<EndpointPickerDeps, 'loads'> & { readonly weights: ReadonlyMap<string, number> },
  ) {
    this.key = formatEndpoint(endpoint)
    this.endpoint = endpoint
    this.weight = deps.weights.get(endpoint.node ?? '') ?? 1
    this.#servicePort = servicePort
    this.#loads = deps.loads
  }

  get openFlows(): number {
    return this.#load?.openFlows ?? 0
  }

  get connectMs(): number | undefined {
    return this.#load?.connectMs
  }

  get #load(): Load | undefined {
    if (this.#known === undefined || this.#known.isForgotten)
      this.#known = this.#loads.loadOf(this.#servicePort, this.key)
    return this.#known
  }
}

const NO_CHOICES: readonly Choice[] = []

function untried(ranks: Ranks['ranks'], tried: ReadonlySet<string> | undefined): Ranks['ranks'] {
  if (tried === undefined) return ranks
  return ranks.map((rank) => rank.filter(({ key }) => !tried.has(key)))
}

function isNotEmpty<Item>(items: readonly Item[]): items is readonly [Item, ...Item[]] {
  return items.length > 0
}
