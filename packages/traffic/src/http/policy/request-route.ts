import type { Endpoint } from '@edgeway/core'
import type { DialBudget } from '../dial-budget.ts'

/** What is read of a request to find its endpoint. */
export interface RequestFacts {
  readonly method: string
  readonly path: string
  /** Without a port. */
  readonly clientIp: string
  /** First value of that field, without surrounding white space; `name` in lower case. */
  field(name: string): string | undefined
  /** All values of that field, where a request may have it several times; without, there is the first one only. */
  allFields?(name: string): readonly string[]
}

/**
 * How a try failed. `connect-failure`: its endpoint could not be connected to; `no-dial`: neither could any other, since the
 * failure is this node's or for good. `reset`: the connection broke before the response began. `unsent`: nothing of the
 * request reached an endpoint (a stale connection, REFUSED_STREAM, GOAWAY). `timeout`: the head of the response did not come
 * in the time of one try. A number: the response has that status.
 */
export type TryFailure = 'connect-failure' | 'no-dial' | 'reset' | 'unsent' | 'timeout' | number

export const ROUTE_REASONS = [
  'balancing',
  'header-hash',
  'cookie-hash',
  'source-ip-hash',
  'client-affinity',
  'retry',
] as const

/** Why a request went to its endpoint; `retry`: because another one had failed it. */
export type RouteReason = (typeof ROUTE_REASONS)[number]

/** The way of one request, over all of its tries. Each try is one `next`, then one `failed`, or `responded`; `end` comes last. */
export interface RequestRoute {
  /** So far, the current one included. */
  readonly attempts: number
  /** Value of `Set-Cookie` for the final response: the cookie of a policy by cookie, where the client had none. */
  readonly setCookie: string | undefined
  /** Of the current try. */
  readonly endpoint: Endpoint | undefined
  readonly why: RouteReason
  /** What is left of the time for connecting, all tries together; for `UpstreamDialer.dial`. */
  readonly dialBudget: DialBudget
  /** The endpoint of the next try; `undefined`: none is left. */
  next(): Endpoint | undefined
  /**
   * The current try failed: may there be another one? Where so, the try is over, and `next` has an endpoint.
   *
   * Of a status that is not to be tried again, nothing is told and the try goes on: the response is the final one, for
   * `responded`. With any other failure the try is over in any case. After `unsent` the same endpoint may come again: by a fresh
   * connection, since others may be as stale.
   *
   * @param o - `isReplayable`: the request can be sent once more as a whole; without, only what never reached an endpoint is
   *   tried again
   */
  failed(failure: TryFailure, o: { readonly isReplayable: boolean }): boolean
  /** The head of the final response came. What breaks later is no failure of the try. */
  responded(status: number): void
  /** Nothing of the request is under way any more. May be called twice. */
  end(): void
}
