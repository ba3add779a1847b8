/** How often something may happen. */
export interface TokenBucketOptions {
  /** So many at once. */
  readonly burst: number
  /** One more after that time. */
  readonly everyMs: number
}

/** Bounds how often something happens: some times at once, then at a steady rate. */
export class TokenBucket {
  readonly #options: TokenBucketOptions
  readonly #now: () => number
  #tokens: number
  #filledAt: number

  /** @param now - milliseconds of a clock that never goes back */
  constructor(options: TokenBucketOptions, now: () => number = () => performance.now()) {
    this.#options = options
    this.#now = now
    this.#tokens = options.burst
    this.#filledAt = now()
  }

  /** @returns whether there was one to take */
  take(): boolean {
    this.#fill()
    if (this.#tokens < 1) return false
    this.#tokens--
    return true
  }

  /** How long it takes until there is one. */
  waitMs(): number {
    this.#fill()
    return this.#tokens >= 1 ? 0 : (1 - this.#tokens) * this.#options.everyMs
  }

  #fill(): void {
    const { burst, everyMs } = this.#options
    const now = this.#now()
    this.#tokens = Math.min(burst, this.#tokens + (now - this.#filledAt) / everyMs)
    this.#filledAt = now
  }
}
