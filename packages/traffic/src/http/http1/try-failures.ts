import type { RequestHead } from '../message/request-head.ts'
import { IDEMPOTENT_METHODS } from '../policy/idempotent-methods.ts'
import type { TryFailure } from '../policy/request-route.ts'
import type { UpstreamConnection } from './upstream-connection.ts'

/** Of a server that passes on what another one said, or did not say. */
export function isGatewayError(status: number): boolean {
  return status >= 502 && status <= 504
}

/**
 * How a try failed whose connection broke before the response. One that was not new and broke at once was closed by the
 * endpoint while it was idle, as a rule; only who may ask twice can tell.
 *
 * @param o - `isReplayable`: nothing went to the endpoint that nobody has any more, as the body has not
 * @returns `undefined` where it is nobody's fault, and nothing can be done
 */
export function breakageOf(
  { method }: Pick<RequestHead, 'method'>,
  upstream: Pick<UpstreamConnection, 'isReused' | 'hasSpoken'> | undefined,
  { isReplayable }: { readonly isReplayable: boolean },
): TryFailure | undefined {
  const isStale = upstream?.isReused === true && !upstream.hasSpoken
  if (!isStale) return 'reset'
  return isReplayable && IDEMPOTENT_METHODS.has(method) ? 'unsent' : undefined
}
