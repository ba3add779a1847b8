import {
  DialError,
  type Dialer,
  type DialFailure,
  type EndpointAddress,
  type EndpointConnection,
  type ServicePortName,
} from '@edgeway/core'
import type { AbandonedDials } from './abandoned-dials.ts'
import { dialErrorOf } from './dial-error.ts'

export interface DialLimits {
  /** For one endpoint. */
  readonly dialTimeoutMs: number
  /** For all endpoints that are tried for one flow, together. */
  readonly dialBudgetMs: number
}

/** What one flow wants: a connection to any of `endpoints`, the first ones first. */
export interface DialRequest {
  /** A further one is asked for only once those before have failed. */
  readonly endpoints: Iterable<EndpointAddress>
  readonly service: ServicePortName
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

/** For who cares about failures only. */
export function onDialFailure(failed: (failure: DialFailure) => void): DialObserver {
  const ignore = (): void => {}
  return {
    trying: ignore,
    connected: ignore,
    abandoned: ignore,
    failed: (_endpoint, failure) => failed(failure),
  }
}

export interface DialFirstDeps {
  readonly dialer: Dialer
  readonly observer: DialObserver
  /** Keeps dials that nobody wants any more; without, they are ended. */
  readonly abandoned?: AbandonedDials
}

/** The endpoint that was connected to, or why there is none. */
export type DialOutcome =
  | {
      readonly status: 'connected'
      readonly endpoint: EndpointAddress
      readonly connection: EndpointConnection
    }
  | { readonly status: 'failed'; readonly error: DialError }
  | { readonly status: 'no-endpoint' | 'abandoned' }

/**
 * Tries one endpoint after the other, as long as the failures are retryable and the budget lasts. Never rejects, and
 * leaves no connection behind that nobody wants.
 */
export async function dialFirst(
  request: DialRequest,
  limits: DialLimits,
  deps: DialFirstDeps,
): Promise<DialOutcome> {
  const { service, signal } = request
  const deadline = performance.now() + limits.dialBudgetMs
  let outcome: DialOutcome = { status: 'no-endpoint' }
  for (const endpoint of request.endpoints) {
    if (signal.aborted) return { status: 'abandoned' }
    const timeoutMs = timeoutOf(limits, deadline - performance.now())
    // Timers have whole milliseconds: less is nothing.
    if (timeoutMs < 1) break
    const isShortened = timeoutMs < limits.dialTimeoutMs
    outcome = await new Attempt({ endpoint, service, signal, timeoutMs, isShortened }, deps).outcome
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

interface AttemptRequest extends Omit<DialRequest, 'endpoints'> {
  readonly endpoint: EndpointAddress
  readonly timeoutMs: number
  /** It has less time than an endpoint may take: that it runs out says nothing. */
  readonly isShortened: boolean
}

type Settled = Extract<DialOutcome, { readonly status: 'connected' | 'failed' }>

/** One endpoint is dialled. */
class Attempt {
  readonly outcome: Promise<DialOutcome>
  readonly #request: AttemptRequest
  readonly #deps: DialFirstDeps
  readonly #cancel = new AbortController()
  readonly #startedAt = performance.now()

  constructor(request: AttemptRequest, deps: DialFirstDeps) {
    this.#request = request
    this.#deps = deps
    deps.observer.trying(request.endpoint)
    this.outcome = this.#run()
  }

  async #run(): Promise<DialOutcome> {
    const settled = this.#dial()
    const outcome = await unlessAborted(settled, this.#request.signal)
    if (outcome === undefined) this.#abandon(settled)
    else this.#observe(outcome)
    return outcome ?? { status: 'abandoned' }
  }

  async #dial(): Promise<Settled> {
    const { endpoint, service, timeoutMs } = this.#request
    const late = setTimeout(() => this.#cancel.abort(timeoutError(endpoint, timeoutMs)), timeoutMs)
    try {
      const connection = await this.#deps.dialer.dial({ endpoint, service }, this.#cancel.signal)
      return { status: 'connected', endpoint, connection }
    } catch (error) {
      return { status: 'failed', error: dialErrorOf(endpoint, error) }
    } finally {
      clearTimeout(late)
    }
  }

  #abandon(settled: Promise<Settled>): void {
    const { endpoint, signal } = this.#request
    const { observer, abandoned } = this.#deps
    const isKept = abandoned?.keep(this.#cancel, settled) === true
    if (!isKept) this.#cancel.abort(signal.reason)
    void settled.then((outcome) => {
      if (outcome.status === 'connected') outcome.connection.reset()
      if (isKept && outcome.status === 'failed') this.#observe(outcome)
      else observer.abandoned(endpoint)
    })
  }

  #observe(outcome: Settled): void {
    const { endpoint, isShortened } = this.#request
    const { observer } = this.#deps
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
