export interface HttpOptions {
  /** A client's connection without a request under way is closed after so long. */
  readonly clientIdleTimeoutMs: number
  /** From the first byte of a request's head to its last; then the request is refused. */
  readonly headTimeoutMs: number
  /** An endpoint's connection without a request under way is closed after so long, unless a DestinationRule says it. */
  readonly upstreamIdleTimeoutMs: number
  /** Idle connections to endpoints that are kept for further requests, for one ServicePort. */
  readonly maxIdleUpstreams: number
}

export const DEFAULT_HTTP_OPTIONS: HttpOptions = {
  clientIdleTimeoutMs: 3_600_000,
  headTimeoutMs: 10_000,
  upstreamIdleTimeoutMs: 60_000,
  maxIdleUpstreams: 512,
}
