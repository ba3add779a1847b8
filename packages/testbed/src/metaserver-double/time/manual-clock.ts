import type { Clock } from './clock.ts'

interface Timer {
  readonly at: number
  readonly callback: () => void
}

/** A clock that stands still until it is told to go on. */
export class ManualClock implements Clock {
  readonly #timers = new Set<Timer>()
  #now = 0

  now(): number {
    return this.#now
  }

  after(delayMs: number, callback: () => void): Disposable {
    const timer = { at: this.#now + delayMs, callback }
    this.#timers.add(timer)
    return { [Symbol.dispose]: () => void this.#timers.delete(timer) }
  }

  /** Lets time pass: timers run in their order, and after each of them what it led to. */
  async advance(durationMs: number): Promise<void> {
    const end = this.#now + durationMs
    await settle()
    for (let timer = this.#next(end); timer !== undefined; timer = this.#next(end)) {
      this.#timers.delete(timer)
      this.#now = timer.at
      timer.callback()
      await settle()
    }
    this.#now = end
  }

  /** The earliest timer up to `end`; of two for the same moment, the one that was set first. */
  #next(end: number): Timer | undefined {
    let next: Timer | undefined
    for (const timer of this.#timers)
      if (timer.at <= end && (next === undefined || timer.at < next.at)) next = timer
    return next
  }
}

/** Everything that is due without a timer has run when a turn of the event loop is over. */
async function settle(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve))
}
