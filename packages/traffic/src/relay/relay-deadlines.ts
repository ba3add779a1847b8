import type { RelayLimits, RelayOutcome } from './relay-engine.ts'

/** What is known of a flow whose time is limited. */
export interface LimitedFlow {
  /** In both directions, so far. */
  readonly bytes: number
  expire(outcome: Extract<RelayOutcome, 'idle-timeout' | 'max-duration'>): void
}

/** Looks at a flow are so many to one idle timeout: a silent flow ends after 1 to 1.25 of it. */
const LOOKS = 4

/**
 * Ends a flow that is silent for too long, or lasts too long. A flow without limits has no timer, and no flow pays per
 * byte: the counter is looked at from time to time.
 */
export class RelayDeadlines implements Disposable {
  readonly #flow: LimitedFlow
  #idle: NodeJS.Timeout | undefined
  #duration: NodeJS.Timeout | undefined
  #seenBytes = 0
  #silentLooks = 0

  constructor({ idleTimeoutMs, maxDurationMs }: RelayLimits, flow: LimitedFlow) {
    this.#flow = flow
    if (idleTimeoutMs !== undefined) this.#idle = setInterval(() => this.#look(), idleTimeoutMs / LOOKS)
    if (maxDurationMs !== undefined)
      this.#duration = setTimeout(() => this.#expire('max-duration'), maxDurationMs)
  }

  /** @returns `undefined` where nothing is limited: then it costs nothing */
  static for(limits: RelayLimits, flow: LimitedFlow): RelayDeadlines | undefined {
    if (limits.idleTimeoutMs === undefined && limits.maxDurationMs === undefined) return undefined
    return new RelayDeadlines(limits, flow)
  }

  [Symbol.dispose](): void {
    clearInterval(this.#idle)
    clearTimeout(this.#duration)
  }

  #look(): void {
    const { bytes } = this.#flow
    this.#silentLooks = bytes === this.#seenBytes ? this.#silentLooks + 1 : 0
    this.#seenBytes = bytes
    if (this.#silentLooks >= LOOKS) this.#expire('idle-timeout')
  }

  #expire(outcome: Parameters<LimitedFlow['expire']>[0]): void {
    this[Symbol.dispose]()
    this.#flow.expire(outcome)
  }
}
