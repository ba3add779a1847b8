import {
  DialError,
  type Dialer,
  type Endpoint,
  reachOf,
  type ServicePortName,
  type Viewpoint,
} from '@edgeway/core'
import type { EndpointReports } from '../balance/endpoint-reports.ts'
import { dialErrorOf } from '../dial/dial-error.ts'
import { SocketUpstream } from './socket-upstream.ts'
import { StreamUpstream } from './stream-upstream.ts'
import type { Upstream, UpstreamEvents } from './upstream.ts'

export interface OpenUpstreamDeps {
  readonly viewpoint: Viewpoint
  /** To endpoints that only the tunnel reaches. */
  readonly dialer: Dialer
  readonly reports: EndpointReports
  /** For one endpoint; then the next one is tried. */
  readonly dialTimeoutMs: number
  /** For all endpoints together. */
  readonly dialBudgetMs: number
}

export interface UpstreamRequest {
  readonly endpoints: Iterable<Endpoint>
  readonly service: ServicePortName
  /** Aborts when nobody wants it any more. */
  readonly signal: AbortSignal
  readonly events: UpstreamEvents
}

export type UpstreamOutcome =
  | { readonly status: 'connected'; readonly endpoint: Endpoint; readonly upstream: Upstream }
  | { readonly status: 'failed'; readonly error: DialError }
  | { readonly status: 'no-endpoint' | 'abandoned' }

/**
 * Tries one endpoint after the other, as TCP flows do. To this node and routed ones that only takes a socket; whether
 * anybody listens there, its first datagram will tell. Never rejects. An endpoint that was connected is reported as opened,
 * and to be reported as closed by the caller.
 */
export async function openUpstream(
  request: UpstreamRequest,
  deps: OpenUpstreamDeps,
): Promise<UpstreamOutcome> {
  const { signal } = request
  const deadline = performance.now() + deps.dialBudgetMs
  let outcome: UpstreamOutcome = { status: 'no-endpoint' }
  for (const endpoint of request.endpoints) {
    const timeoutMs = Math.min(deps.dialTimeoutMs, deadline - performance.now())
    // Timers have whole milliseconds: less is nothing.
    if (timeoutMs < 1) break
    outcome = await openReported({ ...request, endpoint, timeoutMs }, deps)
    if (signal.aborted || outcome.status !== 'failed' || !outcome.error.retryable) break
  }
  return outcome
}

async function openReported(attempt: Attempt, deps: OpenUpstreamDeps): Promise<UpstreamOutcome> {
  const { service, endpoint } = attempt
  deps.reports.opened(service, endpoint)
  const outcome = await openOne(attempt, deps)
  if (outcome.status === 'failed') deps.reports.failed(service, endpoint, outcome.error.failure)
  if (outcome.status !== 'connected') deps.reports.closed(service, endpoint)
  return outcome
}

interface Attempt extends UpstreamRequest {
  readonly endpoint: Endpoint
  readonly timeoutMs: number
}

async function openOne(attempt: Attempt, deps: OpenUpstreamDeps): Promise<UpstreamOutcome> {
  const { endpoint, events, signal } = attempt
  const reach = reachOf(endpoint.node, deps.viewpoint)
  try {
    const upstream =
      reach === 'tunnel'
        ? await openTunnel(attempt, deps)
        : await SocketUpstream.connect(endpoint, reach, events)
    return { status: 'connected', endpoint, upstream }
  } catch (error) {
    return signal.aborted
      ? { status: 'abandoned' }
      : { status: 'failed', error: dialErrorOf(endpoint, error) }
  }
}

async function openTunnel(
  { endpoint, service, events, signal, timeoutMs }: Attempt,
  { dialer }: OpenUpstreamDeps,
): Promise<Upstream> {
  const attempt = new AbortController()
  const abandon = (): void => attempt.abort(signal.reason)
  const reason = `no answer within ${Math.ceil(timeoutMs)} ms`
  const tooLate = new DialError(endpoint, { failure: 'timeout', reason })
  const late = setTimeout(() => attempt.abort(tooLate), timeoutMs)
  signal.addEventListener('abort', abandon)
  try {
    return new StreamUpstream(await dialer.dial({ endpoint, service }, attempt.signal), events)
  } finally {
    clearTimeout(late)
    signal.removeEventListener('abort', abandon)
  }
}
