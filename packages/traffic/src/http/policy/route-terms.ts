import type { ConnectionPool, Counter, RequestPolicy, ServicePortName, TrafficScope } from '@edgeway/core'
import type { EndpointPicker } from '../../balance/endpoint-picker.ts'
import type { EndpointFeedback } from '../../endpoint-feedback.ts'
import type { PortState } from './port-state.ts'
import type { StatusReports } from './status-reports.ts'

export interface RouteOptions {
  /** For all connections that are tried for one request, together. */
  readonly dialBudgetMs: number
}

export interface RouteDeps {
  readonly picker: Pick<EndpointPicker, 'order'>
  readonly feedback: Pick<EndpointFeedback, 'opened' | 'closed' | 'answered' | 'failed'>
  readonly statuses: StatusReports
  /** Counts tries after the first one by what the one before failed with. */
  readonly retries: Pick<Counter<'reason'>, 'add'>
  /** From 0 to below 1, evenly. */
  random(): number
  /** Milliseconds of a clock that never goes back. */
  now(): number
}

/** What holds for all routes of one ServicePort and scope while its Service is what it is. */
export interface RouteTerms {
  readonly name: ServicePortName
  readonly scope: TrafficScope
  readonly policy: RequestPolicy
  readonly pool: ConnectionPool
  /** How fast endpoints answer counts for the choice. */
  readonly measuresSpeed: boolean
  readonly state: PortState
  /** One of the endpoints, as they are now, has given a response. */
  hasAnswered: boolean
  readonly options: RouteOptions
  readonly deps: RouteDeps
}
