import {
  type BalancingPolicy,
  balancingPolicyOf,
  type ConnectionPool,
  NO_CONNECTION_POOL,
  PROXY_PROTOCOL_ANNOTATION,
  type RequestPolicy,
  requestPolicyOf,
  type Service,
  type ServicePort,
  type ServicePortName,
  type TrafficScope,
} from '@edgeway/core'
import { BalancedRoute } from './balanced-route.ts'
import type { PortState } from './port-state.ts'
import type { RequestFacts, RequestRoute } from './request-route.ts'
import type { RouteDeps, RouteOptions, RouteTerms } from './route-terms.ts'
import { type Stickiness, stickinessOf } from './stickiness.ts'

/** How the requests of one ServicePort and scope find their endpoints, while its Service is what it is. */
export interface PortRoutes {
  readonly name: ServicePortName
  readonly service: Service
  readonly policy: RequestPolicy
  readonly pool: ConnectionPool
  /**
   * Connections to endpoints may carry the requests of any client. Otherwise an endpoint is told by each who calls
   * (PROXY protocol): then none serves two clients.
   */
  readonly isShareable: boolean
  /** One of the endpoints, as they are now, has given a response. */
  readonly hasAnswered: boolean
  /** Counts the request until its route ends. `over-limit`: as many as may be are under way. */
  begin(request: RequestFacts): RequestRoute | 'over-limit'
}

/** What a ServicePort and scope have of their own, beside what all have. */
export interface RoutedPort {
  readonly servicePort: Pick<ServicePort, 'name'>
  readonly scope: TrafficScope
  readonly service: Service
  readonly state: PortState
}

/** Reads the wishes of a Service once, for all of its requests. */
export class ServicePortRoutes implements PortRoutes, RouteTerms {
  readonly name: ServicePortName
  readonly scope: TrafficScope
  readonly service: Service
  readonly policy: RequestPolicy
  readonly balancing: BalancingPolicy
  readonly pool: ConnectionPool
  readonly isShareable: boolean
  readonly measuresSpeed: boolean
  hasAnswered = false
  readonly state: PortState
  readonly options: RouteOptions
  readonly deps: RouteDeps

  constructor({ servicePort, scope, service, state }: RoutedPort, options: RouteOptions, deps: RouteDeps) {
    this.name = servicePort.name
    this.scope = scope
    this.service = service
    this.policy = requestPolicyOf(service)
    this.balancing = balancingPolicyOf(service)
    this.pool = service.destinationPolicy?.connectionPool ?? NO_CONNECTION_POOL
    this.isShareable = service.annotations[PROXY_PROTOCOL_ANNOTATION] !== 'v2'
    this.measuresSpeed = this.balancing.kind === 'peak-ewma'
    this.state = state
    this.options = options
    this.deps = deps
  }

  begin(request: RequestFacts): RequestRoute | 'over-limit' {
    const { state, pool } = this
    if (state.requests >= (pool.http?.maxRequests ?? Number.POSITIVE_INFINITY)) return 'over-limit'
    state.requests++
    if (this.policy.maxRetries > 0) state.budget.request(this.deps.now())
    const { random } = this.deps
    const stickiness: Stickiness = stickinessOf(this.balancing, request, random)
    return new BalancedRoute(request, stickiness, this)
  }
}
