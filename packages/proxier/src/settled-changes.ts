import type { ServicePortName } from '@edgeway/core'

/** When changes count as settled: that long after the last, at the latest that long after the first. */
export interface SettleTimes {
  readonly delayMs: number
  readonly maxDelayMs: number
}

/** What changed: everything, or these ServicePorts. */
export type Changed = 'all' | ReadonlySet<ServicePortName>

/** Notes changes and tells when they have settled, so that a burst of them causes one sync. For one waiter. */
export class SettledChanges {
  readonly #times: SettleTimes
  #names = new Set<ServicePortName>()
  #isAll = false
  #firstAt: number | undefined
  #lastAt = 0
  #wake: () => void = () => {}

  constructor(times: SettleTimes) {
    this.#times = times
  }

  note(name: ServicePortName): void {
    if (!this.#isAll) this.#names.add(name)
    this.#noted()
  }

  /** Something changed that all ServicePorts may depend on. */
  noteAll(): void {
    this.#isAll = true
    this.#names = new Set()
    this.#noted()
  }

  /** What changed since the last time; forgets it: the caller is about to look at the state that it led to. */
  take(): Changed {
    const changed = this.#isAll ? 'all' : this.#names
    this.#isAll = false
    this.#names = new Set()
    this.#firstAt = undefined
    return changed
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

  #noted(): void {
    this.#lastAt = performance.now()
    if (this.#firstAt !== undefined) return
    this.#firstAt = this.#lastAt
    this.#wake()
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
