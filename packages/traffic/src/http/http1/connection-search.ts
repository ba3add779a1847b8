import type { Endpoint } from '@edgeway/core'
import type { ProxiedConnection } from '../../account/proxy-protocol.ts'
import type { RequestOutcome } from '../../account/request-record.ts'
import type { RequestRoute } from '../policy/request-route.ts'
import { connectFailureOf } from '../upstream-dialer.ts'
import type { UpstreamConnection } from './upstream-connection.ts'
import type { NoConnection, UpstreamPool } from './upstream-pool.ts'

/** Why a request gets no connection to an endpoint, or not another one. */
export interface SearchFailure {
  readonly outcome: Extract<RequestOutcome, 'no-endpoint' | 'dial-failed' | 'over-limit'>
  readonly sentence: string
}

/** Who looks for a connection. */
export interface Searcher {
  readonly proxied: ProxiedConnection
  /** Also from within `search`. */
  onConnection(connection: UpstreamConnection): void
  onSearchFailure(failure: SearchFailure): void
}

const NO_ENDPOINT: SearchFailure = { outcome: 'no-endpoint', sentence: 'no endpoint is ready' }
const ALL_FAILED: SearchFailure = { outcome: 'dial-failed', sentence: 'no endpoint can be reached' }
const OVER_LIMIT: SearchFailure = {
  outcome: 'over-limit',
  sentence: 'as many requests as are allowed wait for a connection',
}

/**
 * Finds a connection to an endpoint for each try of a request: an idle one at once, otherwise a new one. Goes on to the next
 * endpoint where one can't be connected to.
 */
export class ConnectionSearch {
  readonly #route: RequestRoute
  readonly #pool: UpstreamPool
  readonly #searcher: Searcher
  #unwanted: AbortController | undefined

  constructor(route: RequestRoute, pool: UpstreamPool, searcher: Searcher) {
    this.#route = route
    this.#pool = pool
    this.#searcher = searcher
  }

  /** A connection is being made. */
  get isUnderWay(): boolean {
    return this.#unwanted !== undefined
  }

  search(): void {
    this.#try(NO_ENDPOINT)
  }

  /** Nobody wants a connection any more. */
  abandon(): void {
    this.#unwanted?.abort()
    this.#unwanted = undefined
  }

  #try(otherwise: SearchFailure): void {
    const endpoint = this.#route.next()
    if (endpoint === undefined) {
      this.#searcher.onSearchFailure(otherwise)
      return
    }
    const idle = this.#pool.take(endpoint)
    if (idle === undefined) this.#connect(endpoint)
    else this.#searcher.onConnection(idle)
  }

  #connect(endpoint: Endpoint): void {
    const unwanted = new AbortController()
    this.#unwanted = unwanted
    this.#pool.want({
      endpoint,
      proxied: this.#searcher.proxied,
      budget: this.#route.dialBudget,
      signal: unwanted.signal,
      onConnection: (connection) => {
        this.#unwanted = undefined
        this.#searcher.onConnection(connection)
      },
      onNoConnection: (why) => {
        if (unwanted.signal.aborted) return
        this.#unwanted = undefined
        this.#notConnected(why)
      },
    })
  }

  #notConnected(why: NoConnection): void {
    if (why.status === 'over-limit') this.#searcher.onSearchFailure(OVER_LIMIT)
    else if (why.status !== 'failed') this.#searcher.onSearchFailure(ALL_FAILED)
    else {
      const { error } = why
      const failure = { ...ALL_FAILED, sentence: `${ALL_FAILED.sentence}: ${error.failure}` }
      if (this.#route.failed(connectFailureOf(error), { isReplayable: true })) this.#try(failure)
      else this.#searcher.onSearchFailure(failure)
    }
  }
}
