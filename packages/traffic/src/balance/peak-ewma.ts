const DEFAULT_DECAY_MS = 10_000

/**
 * An exponentially weighted moving average of how long something takes, that believes the worst at once: it rises to a
 * peak with the observation, and comes down with time. Without observations it falls to 0, so that what was slow is
 * tried again.
 *
 * @see Finagle, "P2C + Peak EWMA"
 */
export class PeakEwma {
  readonly #decayMs: number
  #value = 0
  /** When `#value` was so. */
  #at = Number.NEGATIVE_INFINITY

  /** @param decayMs - after that long, 1/e is left of what it was */
  constructor(decayMs = DEFAULT_DECAY_MS) {
    this.#decayMs = decayMs
  }

  /** @param now - milliseconds of a clock that never goes back */
  observe(ms: number, now: number): void {
    const kept = this.#keptAt(now)
    this.#value = ms >= this.#value ? ms : this.#value * kept + ms * (1 - kept)
    this.#at = now
  }

  /** Milliseconds; 0 before the first observation. */
  valueAt(now: number): number {
    return this.#value * this.#keptAt(now)
  }

  #keptAt(now: number): number {
    return Math.exp((this.#at - now) / this.#decayMs)
  }
}
