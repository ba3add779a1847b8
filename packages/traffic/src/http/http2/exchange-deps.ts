import type { ProxiedConnection } from '../../account/proxy-protocol.ts'
import type { RequestJournal } from '../../account/request-journal.ts'
import type { Timers } from '../../timers.ts'
import type { PortRoutes } from '../policy/port-routes.ts'
import type { IncomingRequest } from './incoming-request.ts'
import type { UpstreamSessions } from './upstream-sessions.ts'

/** What all requests of one client's session have in common. */
export interface ExchangeDeps {
  readonly sessions: UpstreamSessions
  readonly journal: Pick<RequestJournal, 'end'>
  readonly timers: Timers
  readonly proxied: ProxiedConnection
  /** Address and port of the client. */
  readonly client: string
  /** The session is cut: nobody is to blame. */
  isCut(): boolean
}

export interface ExchangeRequest {
  readonly request: IncomingRequest
  readonly routes: PortRoutes
}
