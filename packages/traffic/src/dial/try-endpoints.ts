import { DialError, type DialFailure, type EndpointAddress } from '@edgeway/core'
import type { AbandonedDials } from './abandoned-dials.ts'
import { dialErrorOf } from './dial-error.ts'

export interface DialLimits {
  /** For one endpoint; more where the way is known to be slow, see `Connecting.patienceMs`. */
  readonly dialTimeoutMs: number
  /** For all endpoints that are tried for one flow, together. */
  readonly dialBudgetMs: number
}

/** What one flow wants: a connection to any of `endpoints`, the first ones first. */
export interface EndpointsToTry<Endpoint> {
  /** A further one is asked for only once those before have failed. */
  readonly endpoints: Iterable<Endpoint>
  /** Aborts when nobody wants the connection any more. */
  readonly signal: AbortSignal
}

/** Hears of each endpoint that is tried, and then how that went: one of the other three. */
export interface DialObserver {
  trying(endpoint: EndpointAddress): void
  connected(endpoint: EndpointAddress, connectMs: number): void
  failed(endpoint: EndpointAddress, failure: DialFailure): void
  /** Nobody wanted the connection any more. */
  abandoned(endpoint: EndpointAddress): void
}

/** How endpoints are connected to. */
export interface Connecting<Endpoint, Connection> {
  /** Rejects with a `DialError`, or with the signal's reason when that aborts first. */
  connect(endpoint: Endpoint, signal: AbortSignal): Promise<Connection>
  /** As of `Dialer`. */
  patienceMs?(endpoint: Endpoint): number
  /** Lets go of a connection that came too late. */
  discard(connection: Connection): void
  readonly observer: DialObserver
  /** Keeps dials that nobody wants any more; without, they are ended. */
  readonly abandoned?: AbandonedDials | undefined
}

/** The endpoint that was connected to, or why there is none. */
export type TryOutcome<Endpoint, Connection> =
  | { readonly status: 'connected'; readonly endpoint: Endpoint; readonly connection: Connection }
  | { readonly status: 'failed'; readonly error: DialError }
  | { readonly status: 'no-endpoint' }
  | { readonly status: 'abandoned' }

/**
 * Tries one endpoint after the other, as long as the failures are retryable and the budget lasts. Never rejects, and
 * leaves no connection behind that nobody wants.
 */
export async function tryEndpoints<Endpoint extends EndpointAddress, Connection>(
  { endpoints, signal }: EndpointsToTry<Endpoint>,
  limits: DialLimits,
  connecting: Connecting<Endpoint, Connection>,
): Promise<TryOutcome<Endpoint, Connection>> {
  const deadline = performance.now() + limits.dialBudgetMs
  let outcome: TryOutcome<Endpoint, Connection> = { status: 'no-endpoint' }
  for (const endpoint of endpoints) {
    if (signal.aborted) return { status: 'abandoned' }
    const timeoutMs = timeoutOf(limits, deadline - performance.now())
    // Timers have whole milliseconds: less is nothing.
    if (timeoutMs < 1) break
    const isShortened = timeoutMs < limits.dialTimeoutMs
    outcome = await new Attempt({ endpoint, signal, timeoutMs, isShortened }, connecting).outcome
    if (outcome.status !== 'failed' || !outcome.error.retryable) break
  }
  return outcome
}

/** Less is left to all others only when hardly anything is left anyway. */
const MIN_SHARE_MS = 1_000

/** Half of what is left at most: others are to be tried, too. */
function timeoutOf({ dialTimeoutMs }: DialLimits, leftMs: number): number {
  return Math.min(dialTimeoutMs, Math.max(leftMs / 2, Math.min(leftMs, MIN_SHARE_MS)))
}

/** Whoever says that the way is slow is not believed for longer. */
const MAX_PATIENCE_MS = 30_000

interface AttemptRequest<Endpoint> {
  readonly endpoint: Endpoint
  readonly signal: AbortSignal
  readonly timeoutMs: number
  /** It has less time than an endpoint may take: that it runs out says nothing. */
  readonly isShortened: boolean
}

/** How an attempt ends that nobody breaks off. */
type Settled<Endpoint, Connection> = Extract<
  TryOutcome<Endpoint, Connection>,
  { readonly status: 'connected' | 'failed' }
>

/** One endpoint is connected to. */
class Attempt<Endpoint extends EndpointAddress, Connection> {
  readonly outcome: Promise<TryOutcome<Endpoint, Connection>>
  readonly #request: AttemptRequest<Endpoint>
  readonly #connecting: Connecting<Endpoint, Connection>
  readonly #cancel = new AbortController()
  readonly #startedAt = performance.now()
  #late: NodeJS.Timeout | undefined

  constructor(request: AttemptRequest<Endpoint>, connecting: Connecting<Endpoint, Connection>) {
    this.#request = request
    this.#connecting = connecting
    connecting.observer.trying(request.endpoint)
    this.outcome = this.#run()
  }

  async #run(): Promise<TryOutcome<Endpoint, Connection>> {
    const settled = this.#connect()
    const outcome = await unlessAborted(settled, this.#request.signal)
    if (outcome === undefined) this.#abandon(settled)
    else this.#observe(outcome)
    return outcome ?? { status: 'abandoned' }
  }

  async #connect(): Promise<Settled<Endpoint, Connection>> {
    const { endpoint, timeoutMs } = this.#request
    this.#allow(timeoutMs, timeoutMs)
    try {
      const connection = await this.#connecting.connect(endpoint, this.#cancel.signal)
      return { status: 'connected', endpoint, connection }
    } catch (error) {
      return { status: 'failed', error: dialErrorOf(endpoint, error) }
    } finally {
      clearTimeout(this.#late)
    }
  }

  /** When the time is over, the way may be known to need more: what makes progress is not cut. */
  #allow(moreMs: number, inAllMs: number): void {
    this.#late = setTimeout(() => {
      const { endpoint } = this.#request
      const patienceMs = Math.min(this.#connecting.patienceMs?.(endpoint) ?? 0, MAX_PATIENCE_MS)
      if (patienceMs - inAllMs >= 1) this.#allow(patienceMs - inAllMs, patienceMs)
      else this.#cancel.abort(timeoutError(endpoint, inAllMs))
    }, moreMs)
  }

  #abandon(settled: Promise<Settled<Endpoint, Connection>>): void {
    const { endpoint, signal } = this.#request
    const { observer, abandoned, discard } = this.#connecting
    if (abandoned?.keep(this.#cancel, settled) !== true) this.#cancel.abort(signal.reason)
    void settled.then((outcome) => {
      if (outcome.status === 'connected') discard(outcome.connection)
      if (outcome.status === 'failed' && !this.#isBrokenOff) this.#observe(outcome)
      else observer.abandoned(endpoint)
    })
  }

  /** It ended for want of interest, not for want of time: that says nothing of the endpoint. */
  get #isBrokenOff(): boolean {
    const { aborted, reason } = this.#cancel.signal
    return aborted && !(reason instanceof DialError)
  }

  #observe(outcome: Settled<Endpoint, Connection>): void {
    const { endpoint, isShortened } = this.#request
    const { observer } = this.#connecting
    if (outcome.status === 'connected') observer.connected(endpoint, performance.now() - this.#startedAt)
    else if (isShortened && outcome.error.failure === 'timeout') observer.abandoned(endpoint)
    else observer.failed(endpoint, outcome.error.failure)
  }
}

/** @returns `undefined` when `signal` aborts before */
async function unlessAborted<Value>(
  promise: Promise<Value>,
  signal: AbortSignal,
): Promise<Value | undefined> {
  if (signal.aborted) return undefined
  const { promise: aborted, resolve } = Promise.withResolvers<undefined>()
  const abort = (): void => resolve(undefined)
  signal.addEventListener('abort', abort)
  const value = await Promise.race([promise, aborted])
  signal.removeEventListener('abort', abort)
  return signal.aborted ? undefined : value
}

function timeoutError(endpoint: EndpointAddress, timeoutMs: number): DialError {
  return new DialError(endpoint, {
    failure: 'timeout',
    reason: `no answer within ${Math.ceil(timeoutMs)} ms`,
  })
}
