import type { Requester } from './client-request.ts'
import type { ResponseSink } from './client-response.ts'
import type { UpstreamConnection } from './upstream-connection.ts'

/** The connection that a request came by, as its exchange sees it. */
export interface ExchangeClient extends ResponseSink, Requester {
  /** No further request is to be taken. */
  readonly isClosing: boolean
  /** What was written to it has not all been taken yet. */
  readonly isFull: boolean
  /** More of the request's body can be sent on now than before, or less. */
  onPace(): void
  /** The last word of an exchange. */
  onExchangeEnd(end: ExchangeEnd): void
  /** 101 was sent: both connections are now a pipe. The exchange is over with it. */
  onSwitch(upstream: UpstreamConnection, rest: Buffer): void
}

/** What becomes of the client's connection: it may be used again, is to be closed, or broke off in the middle of a response. */
export type ExchangeEnd = 'reusable' | 'close' | 'reset'
