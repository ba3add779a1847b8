/** How much is taken in: `perSecond` on the average, `burst` at once. */
export class TokenBucket {
  readonly #perSecond: number
  readonly #burst: number
  #tokens: number
  #at = 0

  constructor({ perSecond, burst }: { readonly perSecond: number; readonly burst: number }) {
    this.#perSecond = perSecond
    this.#burst = burst
    this.#tokens = burst
  }

  /** @param now - ms of a monotonic clock */
  take(now: number): boolean {
    this.#tokens = Math.min(this.#tokens + ((now - this.#at) / 1_000) * this.#perSecond, this.#burst)
    this.#at = now
    if (this.#tokens < 1) return false
    this.#tokens--
    return true
  }
}
