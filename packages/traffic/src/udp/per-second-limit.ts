const SECOND_MS = 1_000

/** So many in each second. */
export class PerSecondLimit {
  readonly #max: number
  readonly #now: () => number
  #secondEndsAt = Number.NEGATIVE_INFINITY
  #left = 0

  constructor(max: number, now: () => number) {
    this.#max = max
    this.#now = now
  }

  /** Whether one more may be; if so it is counted. */
  take(): boolean {
    const now = this.#now()
    if (now >= this.#secondEndsAt) {
      this.#secondEndsAt = now + SECOND_MS
      this.#left = this.#max
    }
    if (this.#left === 0) return false
    this.#left--
    return true
  }
}
