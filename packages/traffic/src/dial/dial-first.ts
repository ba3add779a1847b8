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
  readonly endpoints: readonly EndpointAddress[]
  readonly service: ServicePortName
  /** Aborts when nobody wants the connection any more. */
  readonly signal: AbortSignal
}

export interface DialFirstDeps {
  readonly dialer: Dialer
  /** Called for each endpoint that could not be connected to. */
  onFailure(failure: DialFailure): void
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
  { dialer, onFailure }: DialFirstDeps,
): Promise<DialOutcome> {
  const { signal } = request
  const deadline = performance.now() + limits.dialBudgetMs
  let outcome: DialOutcome = { status: 'no-endpoint' }
  for (const endpoint of request.endpoints) {
    const timeoutMs = Math.min(limits.dialTimeoutMs, deadline - performance.now())
    // Timers have whole milliseconds: less is nothing.
    if (timeoutMs < 1) break
    outcome = await dialOne(dialer, { endpoint, service: request.service, signal, timeoutMs })
    if (outcome.status !== 'failed') break
    onFailure(outcome.error.failure)
    if (!outcome.error.retryable) break
  }
  return outcome
}

async function dialOne(
  dialer: Dialer,
  { endpoint, service, signal, timeoutMs }: Attempt,
): Promise<DialOutcome> {
  if (signal.aborted) return { status: 'abandoned' }
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
