import { type EndpointAddress, formatEndpoint } from './model/endpoint.ts'

/** Base of every error that this codebase throws on purpose. Callers branch on `code`, never on text. */
export abstract class EdgewayError extends Error {
  /** Stable identifier, `ERR_…`; also the `reason` label of error metrics. */
  abstract readonly code: string
}

/**
 * Why an Endpoint could not be connected to. Closed set, used as metric label. `exhausted`: this node has no descriptors,
 * ports or memory left, which says nothing of the Endpoint.
 */
export type DialFailure =
  | 'refused'
  | 'timeout'
  | 'unreachable'
  | 'no-peer'
  | 'no-path'
  | 'rejected'
  | 'exhausted'

/** An Endpoint could not be connected to. */
export class DialError extends EdgewayError {
  override readonly name = 'DialError'
  readonly code = 'ERR_DIAL'
  readonly failure: DialFailure
  /** Whether trying another Endpoint of the same Service is sensible. */
  readonly retryable: boolean

  constructor(
    endpoint: EndpointAddress,
    why: { readonly failure: DialFailure; readonly reason: string; readonly retryable?: boolean },
    options?: ErrorOptions,
  ) {
    super(`can't connect to ${formatEndpoint(endpoint)}: ${why.reason}`, options)
    this.failure = why.failure
    this.retryable = why.retryable ?? true
  }
}
