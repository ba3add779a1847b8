import { type Logger, limitedWarn } from '@edgeway/core'
import type { ResponderMetrics } from '../metrics.ts'
import { ClientRate, type RateVerdict } from './client-rate.ts'

/** A stranger may cause them. */
const LINES_PER_MINUTE = 1

export interface RateLimitDeps {
  readonly metrics: Pick<ResponderMetrics, 'rateLimited'>
  readonly logger: Pick<Logger, 'warn'>
}

/** Decides which UDP queries are answered, counts the others, and says once a minute at most that there are some. */
export class RateLimit {
  readonly #rate: ClientRate | undefined
  readonly #metrics: RateLimitDeps['metrics']
  readonly #warn: Logger['warn']

  /** @param perSecond - answers for each client; 0: no bound */
  constructor(perSecond: number, { metrics, logger }: RateLimitDeps) {
    this.#rate = perSecond === 0 ? undefined : new ClientRate(perSecond, () => performance.now())
    this.#metrics = metrics
    this.#warn = limitedWarn(logger, LINES_PER_MINUTE)
  }

  /** HOT PATH. What becomes of a query from `address`. */
  take(address: string): RateVerdict {
    const verdict = this.#rate?.take(address) ?? 'answer'
    if (verdict !== 'answer') {
      this.#metrics.rateLimited(verdict)
      this.#warn('a client asks more than it is answered', { client: address })
    }
    return verdict
  }
}
