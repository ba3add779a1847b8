/** Lets so many through in each period, and counts those it leaves out. */
export class RateLimit {
  readonly #max: number
  readonly #periodMs: number
  #periodEndsAt = Number.NEGATIVE_INFINITY
  #taken = 0
  #leftOut = 0

  constructor({ max, periodMs }: { readonly max: number; readonly periodMs: number }) {
    this.#max = max
    this.#periodMs = periodMs
  }

  /**
   * @param now - milliseconds of a clock that never goes back
   * @returns how many were left out since the last one that went through; `undefined`: this one is left out, too
   */
  take(now: number): number | undefined {
    if (now >= this.#periodEndsAt) {
      this.#periodEndsAt = now + this.#periodMs
      this.#taken = 0
    }
    if (this.#taken >= this.#max) {
      this.#leftOut++
      return undefined
    }
    this.#taken++
    const leftOut = this.#leftOut
    this.#leftOut = 0
    return leftOut
  }
}
