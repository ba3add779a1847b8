/**
 * A clock that stands still while this process does not run: between two ticks it goes on by `maxStepMs` at most. What
 * others sent meanwhile has not been read yet, so their silence can't be told from our own.
 */
export class FairClock {
  readonly #maxStepMs: number
  #now = 0
  #tickedAt = performance.now()

  constructor(maxStepMs: number) {
    this.#maxStepMs = maxStepMs
  }

  /** In ms, since the clock was made. */
  now(): number {
    return this.#now + Math.min(performance.now() - this.#tickedAt, this.#maxStepMs)
  }

  /** To be called at regular intervals, shorter than `maxStepMs`. */
  tick(): number {
    this.#now = this.now()
    this.#tickedAt = performance.now()
    return this.#now
  }
}
