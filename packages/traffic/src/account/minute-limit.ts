const MINUTE_MS = 60_000

/** Lets so many through per minute, and counts those it leaves out. */
export class MinuteLimit {
  readonly #perMinute: number
  #minuteEndsAt = Number.NEGATIVE_INFINITY
  #taken = 0
  #leftOut = 0

  constructor(perMinute: number) {
    this.#perMinute = perMinute
  }

  /** @returns how many were left out since the last one that went through; `undefined`: this one is left out, too */
  take(nowMs: number): number | undefined {
    if (nowMs >= this.#minuteEndsAt) {
      this.#minuteEndsAt = nowMs + MINUTE_MS
      this.#taken = 0
    }
    if (this.#taken >= this.#perMinute) {
      this.#leftOut++
      return undefined
    }
    this.#taken++
    const leftOut = this.#leftOut
    this.#leftOut = 0
    return leftOut
  }
}
