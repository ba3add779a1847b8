import { type Endpoint, RETRY_CAUSES, type RetryCause } from '@edgeway/core'
import type { EndpointOrder } from '../../balance/endpoint-order.ts'
import { DialBudget } from '../dial-budget.ts'
import { IDEMPOTENT_METHODS } from './idempotent-methods.ts'
import type { RequestFacts, RequestRoute, RouteReason, TryFailure } from './request-route.ts'
import type { RouteTerms } from './route-terms.ts'
import type { Stickiness } from './stickiness.ts'

/** Of one request: what no endpoint ever takes must end some time. */
const MAX_UNSENT = 8

/** What counts for who watches statuses when none came, or none in time (RFC 9110, 15.6.3 and 15.6.5). */
const BAD_GATEWAY = 502
const GATEWAY_TIMEOUT = 504

/** A request's way by the policy of its ServicePort. HOT PATH: one per request; nothing more is made before a try fails. */
export class BalancedRoute implements RequestRoute {
  readonly setCookie: string | undefined
  attempts = 0
  endpoint: Endpoint | undefined
  why: RouteReason
  readonly #port: RouteTerms
  readonly #method: string
  readonly #order: EndpointOrder
  #dialBudget: DialBudget | undefined
  /** Chosen for the next try, because of that failure. */
  #upcoming: Endpoint | undefined
  #failure: TryFailure | undefined
  /** The current try is counted with its endpoint. */
  #isOpen = false
  /** Only where the speed of endpoints is measured. */
  #triedAt = 0
  #hasResponded = false
  #hasEnded = false
  #retries = 0
  /** It is counted among the ServicePort's. */
  #isRetrying = false
  #unsent = 0
  #unsentTo: Endpoint | undefined

  constructor({ method, clientIp }: RequestFacts, { key, why, setCookie }: Stickiness, port: RouteTerms) {
    this.setCookie = setCookie
    this.why = why
    this.#port = port
    this.#method = method
    this.#order = port.deps.picker.order({ servicePort: port.name, scope: port.scope, clientIp, key })
  }

  get dialBudget(): DialBudget {
    this.#dialBudget ??= new DialBudget(this.#port.options.dialBudgetMs)
    return this.#dialBudget
  }

  next(): Endpoint | undefined {
    this.#close()
    if (this.#hasEnded) return undefined
    const endpoint = this.#upcoming ?? this.#order.take()
    this.endpoint = endpoint
    this.#upcoming = undefined
    if (endpoint === undefined) return undefined
    this.attempts++
    if (this.#failure !== undefined) this.#noteTry(this.#failure)
    this.#isOpen = true
    const { name, deps, measuresSpeed } = this.#port
    if (measuresSpeed) this.#triedAt = deps.now()
    deps.feedback.opened(name, endpoint)
    return endpoint
  }

  failed(failure: TryFailure, { isReplayable }: { readonly isReplayable: boolean }): boolean {
    const { endpoint } = this
    if (endpoint === undefined || !this.#isOpen || this.#hasResponded) return false
    const upcoming = this.#another(endpoint, failure, isReplayable)
    if (upcoming === undefined && typeof failure === 'number') return false
    this.#upcoming = upcoming
    this.#failure = failure
    this.#tell(endpoint, failure)
    this.#close()
    return upcoming !== undefined
  }

  responded(status: number): void {
    const { endpoint } = this
    if (endpoint === undefined || this.#hasResponded) return
    this.#hasResponded = true
    this.#tell(endpoint, status)
  }

  end(): void {
    if (this.#hasEnded) return
    this.#hasEnded = true
    this.#close()
    const { state } = this.#port
    state.requests--
    if (this.#isRetrying) state.retries--
  }

  /** What could not be connected to was told by who tried. */
  #tell(endpoint: Endpoint, failure: TryFailure): void {
    const { name, deps } = this.#port
    if (typeof failure === 'number') {
      this.#port.hasAnswered = true
      const { measuresSpeed } = this.#port
      deps.feedback.answered(name, endpoint, measuresSpeed ? deps.now() - this.#triedAt : undefined)
      deps.statuses.responded(name, endpoint, failure)
    } else if (failure === 'timeout') deps.statuses.responded(name, endpoint, GATEWAY_TIMEOUT)
    else if (failure === 'reset') {
      deps.feedback.failed(name, endpoint, 'reset')
      deps.statuses.responded(name, endpoint, BAD_GATEWAY)
    }
  }

  #another(endpoint: Endpoint, failure: TryFailure, isReplayable: boolean): Endpoint | undefined {
    switch (failure) {
      case 'no-dial':
        return undefined
      case 'unsent':
        return this.#afterUnsent(endpoint)
      case 'connect-failure':
        return this.dialBudget.leftMs < 1 ? undefined : this.#afterConnectFailure()
      default:
        return isReplayable && IDEMPOTENT_METHODS.has(this.#method)
          ? this.#retry(causeOf(failure))
          : undefined
    }
  }

  /** To try each endpoint once is no matter of policy, as with any connection. */
  #afterConnectFailure(): Endpoint | undefined {
    const untried = this.#order.hasBegunAnew ? undefined : this.#order.take()
    return untried ?? this.#retry('connect-failure')
  }

  /** The first time it is not the endpoint's fault: sessions stay where they are. */
  #afterUnsent(endpoint: Endpoint): Endpoint | undefined {
    if (++this.#unsent > MAX_UNSENT) return undefined
    if (this.#unsentTo === endpoint) this.why = 'retry'
    else this.#order.giveBack()
    this.#unsentTo = endpoint
    return this.#order.take() ?? this.#order.again()
  }

  /** By policy. Where all endpoints were tried, they are tried again. */
  #retry(cause: RetryCause | undefined): Endpoint | undefined {
    const { policy, pool, state, deps } = this.#port
    if (cause === undefined || !policy.retryOn.has(cause) || this.#retries >= policy.maxRetries)
      return undefined
    const others = state.retries - Number(this.#isRetrying)
    if (others >= (pool.http?.maxRetries ?? Number.POSITIVE_INFINITY)) return undefined
    if (!state.budget.take(deps.now())) return undefined
    const endpoint = this.#order.take() ?? this.#order.again()
    if (endpoint === undefined) return undefined
    this.#retries++
    state.retries = others + 1
    this.#isRetrying = true
    return endpoint
  }

  #noteTry(failure: TryFailure): void {
    if (failure !== 'unsent') this.why = 'retry'
    this.#port.deps.retries.add({ reason: String(failure) })
  }

  #close(): void {
    if (!this.#isOpen || this.endpoint === undefined) return
    this.#isOpen = false
    this.#port.deps.feedback.closed(this.#port.name, this.endpoint)
  }
}

/** A try that takes too long counts as if its endpoint had said so. */
function causeOf(failure: TryFailure): RetryCause | undefined {
  const status = failure === 'timeout' ? GATEWAY_TIMEOUT : failure
  return RETRY_CAUSES.find((cause) => cause === String(status))
}
