import type { ConnectionPool, Endpoint } from '@edgeway/core'
import type { ProxiedConnection } from '../../account/proxy-protocol.ts'
import type { Timers } from '../../timers.ts'
import type { DialBudget } from '../dial-budget.ts'
import type { PortRoutes } from '../policy/port-routes.ts'
import type { TryFailure } from '../policy/request-route.ts'
import { connectFailureOf, type UpstreamDialer, type UpstreamOutcome } from '../upstream-dialer.ts'
import { ASSUMED_STREAMS, UpstreamSession } from './upstream-session.ts'

/** Connections to one endpoint that take requests, at most; requests beyond what they carry wait. */
const MAX_SESSIONS = 16

/** A request that looks for a session with its endpoint. */
export interface UpstreamCall {
  readonly routes: PortRoutes
  readonly endpoint: Endpoint
  readonly proxied: ProxiedConnection
  /** Of its own; a dial that others began has theirs. */
  readonly dialBudget: DialBudget | undefined
}

/** Who waits for a session; hears of one of the two, once. */
export interface SessionWaiter {
  served(session: UpstreamSession): void
  failed(failure: TryFailure): void
}

export interface EndpointSessionsOptions {
  readonly idleTimeoutMs: number
}

export interface EndpointSessionsDeps {
  readonly dialer: Pick<UpstreamDialer, 'dial'>
  readonly timers: Timers
  /** Neither sessions are left, nor anybody who waits for one. */
  onUnused(): void
}

/** All sessions with one endpoint, and the requests that wait for one, in their order. */
export class EndpointSessions {
  readonly #options: EndpointSessionsOptions
  readonly #deps: EndpointSessionsDeps
  readonly #sessions = new Set<UpstreamSession>()
  /** Those of them that take new streams, if there is room. The others end with their last stream, which may be never. */
  readonly #serving = new Set<UpstreamSession>()
  readonly #waiters = new Set<SessionWaiter>()
  readonly #cancel = new AbortController()
  #dialling = 0

  constructor(options: EndpointSessionsOptions, deps: EndpointSessionsDeps) {
    this.#options = options
    this.#deps = deps
  }

  get waiting(): number {
    return this.#waiters.size
  }

  /** The first one with room: the others may become idle. Who waits already comes first. */
  ready(): UpstreamSession | undefined {
    if (this.#waiters.size > 0) return undefined
    for (const session of this.#serving) if (session.hasRoom) return session
    return undefined
  }

  wait(call: UpstreamCall, waiter: SessionWaiter): void {
    this.#waiters.add(waiter)
    this.#dialIfNeeded(call)
  }

  forget(waiter: SessionWaiter): void {
    this.#waiters.delete(waiter)
  }

  /** No session takes new streams; each ends when it is idle. */
  retire(): void {
    for (const session of this.#serving) session.retire()
  }

  destroy(): void {
    this.#cancel.abort(new Error('the agent stops'))
    for (const session of this.#sessions) session.destroy()
  }

  #dialIfNeeded(call: UpstreamCall): void {
    if (this.#waiters.size <= this.#dialling * expectedStreams(call.routes.pool)) return
    if (this.#serving.size + this.#dialling >= MAX_SESSIONS) return
    this.#dialling++
    void this.#dial(call)
  }

  async #dial(call: UpstreamCall): Promise<void> {
    const { endpoint, routes, proxied, dialBudget: budget } = call
    const outcome = await this.#deps.dialer.dial({ endpoint, routes, proxied, budget }, this.#cancel.signal)
    this.#dialling--
    if (outcome.status === 'connected' && !outcome.connection.stream.destroyed)
      this.#add(outcome.connection, call)
    // Those whose turn comes with a session that is there go on waiting.
    else if (this.#serving.size === 0 && this.#dialling === 0) this.#fail(failureOf(outcome))
  }

  #add(connection: ConstructorParameters<typeof UpstreamSession>[0], call: UpstreamCall): void {
    if (this.#cancel.signal.aborted) {
      connection.reset()
      return
    }
    const session = new UpstreamSession(connection, optionsOf(call.routes.pool, this.#options), {
      timers: this.#deps.timers,
      onRoom: () => this.#serve(session),
      onRetired: () => {
        this.#serving.delete(session)
        this.#dialIfNeeded({ ...call, dialBudget: undefined })
      },
      onClosed: () => {
        this.#sessions.delete(session)
        this.#checkUse()
      },
    })
    this.#sessions.add(session)
    this.#serving.add(session)
    this.#serve(session)
    // More may wait than it carries.
    this.#dialIfNeeded({ ...call, dialBudget: undefined })
  }

  #serve(session: UpstreamSession): void {
    for (const waiter of this.#waiters) {
      if (!session.hasRoom) return
      this.#waiters.delete(waiter)
      waiter.served(session)
    }
  }

  #fail(failure: TryFailure): void {
    const waiters = [...this.#waiters]
    this.#waiters.clear()
    this.#checkUse()
    for (const waiter of waiters) waiter.failed(failure)
  }

  #checkUse(): void {
    if (this.#sessions.size + this.#waiters.size + this.#dialling === 0) this.#deps.onUnused()
  }
}

/** That one more session will carry, as far as it is known before. */
function expectedStreams({ http }: ConnectionPool): number {
  const { maxConcurrentStreams = ASSUMED_STREAMS, maxRequestsPerConnection = ASSUMED_STREAMS } = http ?? {}
  return Math.min(ASSUMED_STREAMS, maxConcurrentStreams, maxRequestsPerConnection)
}

/** Of a connection that broke before anything was sent, too. */
function failureOf(outcome: UpstreamOutcome): TryFailure {
  if (outcome.status === 'connected') return 'unsent'
  return outcome.status === 'failed' ? connectFailureOf(outcome.error) : 'no-dial'
}

function optionsOf(
  { http, maxConnectionDurationMs }: ConnectionPool,
  { idleTimeoutMs }: EndpointSessionsOptions,
): ConstructorParameters<typeof UpstreamSession>[1] {
  return {
    idleTimeoutMs: http?.idleTimeoutMs ?? idleTimeoutMs,
    maxRequests: http?.maxRequestsPerConnection,
    maxStreams: http?.maxConcurrentStreams,
    maxDurationMs: maxConnectionDurationMs,
  }
}
