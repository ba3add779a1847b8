import type { PortRoutes } from '../policy/port-routes.ts'
import type { RequestRoute, TryFailure } from '../policy/request-route.ts'
import type { ExchangeDeps } from './exchange-deps.ts'
import { REFUSALS, type Refusal } from './refusals.ts'
import type { UpstreamSession } from './upstream-session.ts'

/** Who looks for a session; one of them is called for each search, unless it is abandoned. */
export interface SessionSearcher {
  onSession(session: UpstreamSession): void
  /** No endpoint comes into question. */
  onNoSession(why: Refusal): void
  /** The endpoint that was chosen could not be connected to. */
  onNotConnected(failure: TryFailure): void
}

export interface SessionSearchDeps extends Pick<ExchangeDeps, 'sessions' | 'proxied'> {
  readonly routes: PortRoutes
  readonly route: RequestRoute
}

/** Finds an endpoint for each try of a request, and a session with it that has room. */
export class SessionSearch {
  readonly #deps: SessionSearchDeps
  readonly #searcher: SessionSearcher
  #waiting: Disposable | undefined

  constructor(deps: SessionSearchDeps, searcher: SessionSearcher) {
    this.#deps = deps
    this.#searcher = searcher
  }

  /** @param otherwise - why there is none where no endpoint is left */
  search(otherwise: Refusal): void {
    const { sessions, proxied, routes, route } = this.#deps
    const endpoint = route.next()
    if (endpoint === undefined) {
      this.#searcher.onNoSession(otherwise)
      return
    }
    const call = { routes, endpoint, proxied, dialBudget: route.dialBudget }
    const session = sessions.ready(call)
    if (session !== undefined) {
      this.#searcher.onSession(session)
      return
    }
    this.#waiting = sessions.wait(call, {
      served: (fresh) => this.#searcher.onSession(fresh),
      failed: (failure) => this.#searcher.onNotConnected(failure),
    })
    if (this.#waiting === undefined) this.#searcher.onNoSession(REFUSALS.overLimit)
  }

  abandon(): void {
    this.#waiting?.[Symbol.dispose]()
    this.#waiting = undefined
  }
}
