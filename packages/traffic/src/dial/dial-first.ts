import {
  DialError,
  type Dialer,
  type DialFailure,
  type EndpointAddress,
  type EndpointConnection,
  type ServicePortName,
} from '@edgeway/core'

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
  { dialer, observer }: DialFirstDeps,
): Promise<DialOutcome> {
  const { service, signal } = request
  const deadline = performance.now() + limits.dialBudgetMs
  let outcome: DialOutcome = { status: 'no-endpoint' }
  for (const endpoint of request.endpoints) {
    if (signal.aborted) return { status: 'abandoned' }
    const startedAt = performance.now()
    const timeoutMs = Math.min(limits.dialTimeoutMs, deadline - startedAt)
    // Timers have whole milliseconds: less is nothing.
    if (timeoutMs < 1) break
    observer.trying(endpoint)
    outcome = await dialOne(dialer, { endpoint, service, signal, timeoutMs })
    observe(observer, { endpoint, outcome, elapsedMs: performance.now() - startedAt })
    if (outcome.status !== 'failed' || !outcome.error.retryable) break
  }
  return outcome
}

function observe(
  observer: DialObserver,
  { endpoint, outcome, elapsedMs }: { endpoint: EndpointAddress; outcome: DialOutcome; elapsedMs: number },
): void {
  if (outcome.status === 'connected') observer.connected(endpoint, elapsedMs)
  else if (outcome.status === 'failed') observer.failed(endpoint, outcome.error.failure)
  else observer.abandoned(endpoint)
}

async function dialOne(
  dialer: Dialer,
  { endpoint, service, signal, timeoutMs }: Attempt,
): Promise<DialOutcome> {
  const attempt = new AbortController()
  const abandon = (): void => attempt.abort(signal.reason)
  signal.addEventListener('abort', abandon)
  const late = setTimeout(() => attempt.abort(timeoutError(endpoint, timeoutMs)), timeoutMs)
  try {
    const connection = await dialer.dial({ endpoint, service }, attempt.signal)
    if (!signal.aborted) return { status: 'connected', endpoint, connection }
    connection.reset()
    return { status: 'abandoned' }
  } catch (error) {
    return signal.aborted
      ? { status: 'abandoned' }
      : { status: 'failed', error: dialErrorOf(endpoint, error) }
  } finally {
    clearTimeout(late)
    signal.removeEventListener('abort', abandon)
  }
}

interface Attempt extends Omit<DialRequest, 'endpoints'> {
  readonly endpoint: EndpointAddress
  readonly timeoutMs: number
}

function timeoutError(endpoint: EndpointAddress, timeoutMs: number): DialError {
  return new DialError(endpoint, {
    failure: 'timeout',
    reason: `no answer within ${Math.ceil(timeoutMs)} ms`,
  })
}

/** A dialer's defect costs this flow, as an endpoint that can't be reached would, and no other. */
function dialErrorOf(endpoint: EndpointAddress, error: unknown): DialError {
  if (error instanceof DialError) return error
  const reason = error instanceof Error ? error.message : String(error)
  return new DialError(endpoint, { failure: 'unreachable', reason }, { cause: error })
}
