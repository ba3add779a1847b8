/** When changes count as settled: that long after the last, at the latest that long after the first. */
export interface SettleTimes {
  readonly delayMs: number
  readonly maxDelayMs: number
}

/** Notes changes and tells when they have settled, so that a burst of them causes one sync. For one waiter. */
export class SettledChanges {
  readonly #times: SettleTimes
  #firstAt: number | undefined
  #lastAt = 0
  #wake: () => void = () => {}

  constructor(times: SettleTimes) {
    this.#times = times
  }

  note(): void {
    this.#lastAt = performance.now()
    if (this.#firstAt !== undefined) return
    this.#firstAt = this.#lastAt
    this.#wake()
  }

  /** Forgets the changes noted so far: the caller is about to look at the state that they led to. */
  take(): void {
    this.#firstAt = undefined
  }

  /**
   * Resolves when changes have settled, or after `timeoutMs`.
   *
   * @throws the signal's reason when it aborts first
   */
  async wait(timeoutMs: number, signal: AbortSignal): Promise<void> {
    const deadline = performance.now() + timeoutMs
    for (;;) {
      signal.throwIfAborted()
      const leftMs = Math.min(deadline, this.#settledAt()) - performance.now()
      if (leftMs <= 0) return
      await this.#sleep(leftMs, signal)
    }
  }

  #settledAt(): number {
    if (this.#firstAt === undefined) return Number.POSITIVE_INFINITY
    return Math.min(this.#lastAt + this.#times.delayMs, this.#firstAt + this.#times.maxDelayMs)
  }

  /** Ends early at the first change and when the signal aborts. */
  #sleep(ms: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        clearTimeout(timer)
        signal.removeEventListener('abort', wake)
        resolve()
      }
      const timer = setTimeout(wake, Math.ceil(ms))
      signal.addEventListener('abort', wake)
      this.#wake = wake
    })
  }
}
