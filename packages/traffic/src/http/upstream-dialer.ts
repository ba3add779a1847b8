import { DialError, type Dialer, type Endpoint, type ServicePortName } from '@edgeway/core'
import type { ProxiedConnection } from '../account/proxy-protocol.ts'
import type { AbandonedDials } from '../dial/abandoned-dials.ts'
import { type DialOutcome, dialFirst } from '../dial/dial-first.ts'
import { prepareConnection } from '../dial/prepare-connection.ts'
import type { DialLimits, DialObserver } from '../dial/try-endpoints.ts'
import type { EndpointFeedback } from '../endpoint-feedback.ts'
import type { DialBudget } from './dial-budget.ts'
import type { PortRoutes } from './policy/port-routes.ts'
import type { TryFailure } from './policy/request-route.ts'

export interface UpstreamDialerDeps {
  readonly dialer: Dialer
  readonly abandoned: AbandonedDials
  readonly feedback: Pick<EndpointFeedback, 'connected' | 'failed'>
}

/** A connection that requests want. */
export interface UpstreamDial {
  readonly endpoint: Endpoint
  readonly routes: Pick<PortRoutes, 'name' | 'service' | 'pool'>
  /** Who calls, for endpoints that are told so; `undefined` where several clients may use the connection. */
  readonly proxied: ProxiedConnection | undefined
  /** Of the request that waits; without, the dial has the whole time of a request for itself. */
  readonly budget?: DialBudget | undefined
}

/** As of any dial, but that there is an endpoint. */
export type UpstreamOutcome = Exclude<DialOutcome, { readonly status: 'no-endpoint' }>

/** Connects to endpoints for HTTP requests, and tells what that says of them. */
export class UpstreamDialer {
  readonly #limits: DialLimits
  readonly #deps: UpstreamDialerDeps

  constructor(limits: DialLimits, deps: UpstreamDialerDeps) {
    this.#limits = limits
    this.#deps = deps
  }

  /**
   * Connects to that endpoint: with the Service's `connectTimeout`, its wishes for keep-alive, and the header of the PROXY
   * protocol where it asks for one. Never rejects.
   *
   * @param signal - aborts when nobody wants the connection any more; the outcome is then `abandoned`
   */
  async dial(
    { endpoint, routes, proxied, budget }: UpstreamDial,
    signal: AbortSignal,
  ): Promise<UpstreamOutcome> {
    const { name, service, pool } = routes
    const { dialer, abandoned } = this.#deps
    const startedAt = performance.now()
    const isFirm = pool.connectTimeoutMs !== undefined
    const outcome = await dialFirst(
      { endpoints: [endpoint], service: name, signal, isFirm },
      {
        dialTimeoutMs: pool.connectTimeoutMs ?? this.#limits.dialTimeoutMs,
        dialBudgetMs: budget?.leftMs ?? this.#limits.dialBudgetMs,
      },
      { dialer, observer: this.#observer(name), abandoned },
    )
    budget?.spend(performance.now() - startedAt)
    if (outcome.status === 'connected') prepareConnection(outcome.connection, { pool, service, proxied })
    return outcome.status === 'no-endpoint' ? { status: 'failed', error: noTimeLeft(endpoint) } : outcome
  }

  /** That an endpoint is in use is the requests' to tell, not the connection's. */
  #observer(name: ServicePortName): DialObserver {
    const { feedback } = this.#deps
    const ignore = (): void => {}
    return {
      trying: ignore,
      connected: (endpoint, connectMs) => feedback.connected(name, endpoint, connectMs),
      failed: (endpoint, failure) => feedback.failed(name, endpoint, failure),
      abandoned: ignore,
    }
  }
}

function noTimeLeft(endpoint: Endpoint): DialError {
  return new DialError(endpoint, { failure: 'timeout', reason: 'no time is left for connecting' })
}

/** How a try failed whose endpoint could not be connected to. */
export function connectFailureOf({ retryable }: Pick<DialError, 'retryable'>): TryFailure {
  return retryable ? 'connect-failure' : 'no-dial'
}
