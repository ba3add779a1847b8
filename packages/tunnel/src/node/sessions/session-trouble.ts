import type { Logger } from '@edgeway/core'
import {
  JoinTokenError,
  NodeIdentityError,
  ServerRefusalError,
  UnreachedError,
  UntrustedServerError,
} from '../../errors.ts'
import type { TunnelMetrics } from '../../metrics.ts'

/** The same failure is logged again after that long only: attempts are seconds apart. */
const REPEAT_AFTER_MS = 60_000
/** Lines in that time. */
const MAX_REPORTED = 6

/** Refusals that say that the certificate of this node is of no use: with a join token it may get another one. */
const NEEDS_CERTIFICATE: readonly string[] = [
  'no-certificate',
  'malformed',
  'unknown-signer',
  'bad-signature',
  'wrong-key',
  'wrong-role',
  'wrong-cluster',
  'expired',
  'revoked',
]

export function asksForEnrolment(error: unknown): error is ServerRefusalError {
  return error instanceof ServerRefusalError && NEEDS_CERTIFICATE.includes(error.reason)
}

/** What is wrong with a session: for the log, once for all attempts that fail alike, for metrics and for people. */
export class TroubleLog {
  readonly #logger: Logger
  readonly #metrics: TunnelMetrics
  /** By what went wrong, when it was logged last: on a bad link failures take turns. */
  readonly #reportedAt = new Map<string, number>()
  #last = 'no attempt was made yet'

  constructor(logger: Logger, metrics: TunnelMetrics) {
    this.#logger = logger
    this.#metrics = metrics
  }

  get last(): string {
    return this.#last
  }

  note(trouble: string): void {
    this.#last = trouble
  }

  report(error: unknown): void {
    const trouble = error instanceof Error ? error.message : String(error)
    this.#last = trouble
    this.#count(error)
    const now = performance.now()
    for (const [each, at] of this.#reportedAt) if (now - at >= REPEAT_AFTER_MS) this.#reportedAt.delete(each)
    if (this.#reportedAt.has(trouble) || this.#reportedAt.size >= MAX_REPORTED) return
    this.#reportedAt.set(trouble, now)
    this.#log(error)
  }

  #count(error: unknown): void {
    if (error instanceof ServerRefusalError)
      this.#metrics.refusals.add({ by: 'server', reason: error.reason })
    if (error instanceof UntrustedServerError) this.#metrics.refusedServers.add({ reason: error.reason })
  }

  #log(error: unknown): void {
    if (error instanceof JoinTokenError) {
      const { reason } = error
      this.#logger.error('can not join without a valid join token, will retry', { reason, error })
    } else if (error instanceof ServerRefusalError) {
      const { reason } = error
      this.#logger.error('the tunnel server refused this node, will retry', { reason, error })
    } else if (error instanceof UntrustedServerError) {
      const { reason } = error
      this.#logger.error('the tunnel server is not one of the cluster, will retry', { reason, error })
    } else if (error instanceof NodeIdentityError) {
      const { reason } = error
      this.#logger.error('what the tunnel server gave this node is of no use, will retry', { reason, error })
    } else this.#logger.warn('no session with the tunnel server, will retry', { error })
  }
}

/** What kind of failure ended an attempt, for the pause before the next one. */
export function outcomeOf(error: unknown): 'refused' | 'unreached' | 'failed' {
  if (error instanceof ServerRefusalError && error.reason !== 'busy') return 'refused'
  const isNoHost = error instanceof Error && 'code' in error && error.code === 'EHOSTUNREACH'
  return error instanceof UnreachedError || isNoHost ? 'unreached' : 'failed'
}
