import type { Timers } from '../src/timers.ts'

interface Due {
  readonly at: number
  readonly then: () => void
}

/** Time that passes only when a test says so. */
export class ManualTimers implements Timers {
  #now = 0
  readonly #due = new Set<Due>()

  readonly now = (): number => this.#now

  get pending(): number {
    return this.#due.size
  }

  after(delayMs: number, then: () => void): Disposable {
    const due = { at: this.#now + delayMs, then }
    this.#due.add(due)
    return { [Symbol.dispose]: () => void this.#due.delete(due) }
  }

  /** Lets time pass; what is due on the way is done in order, and its promises settle. */
  async pass(ms: number): Promise<void> {
    const end = this.#now + ms
    for (;;) {
      const next = [...this.#due].filter(({ at }) => at <= end).toSorted((a, b) => a.at - b.at)[0]
      if (next === undefined) break
      this.#now = Math.max(this.#now, next.at)
      this.#due.delete(next)
      next.then()
      await settled()
    }
    this.#now = end
    await settled()
  }
}

/** A turn of the event loop: promises that can settle have done so. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
