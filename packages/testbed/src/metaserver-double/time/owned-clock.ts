import type { Clock } from './clock.ts'

/** Another clock, with timers that end with their owner. */
export class OwnedClock implements Clock, Disposable {
  readonly #clock: Clock
  readonly #timers = new Set<Disposable>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  now(): number {
    return this.#clock.now()
  }

  after(delayMs: number, callback: () => void): Disposable {
    const timer = this.#clock.after(delayMs, () => {
      this.#timers.delete(timer)
      callback()
    })
    this.#timers.add(timer)
    return {
      [Symbol.dispose]: () => {
        this.#timers.delete(timer)
        timer[Symbol.dispose]()
      },
    }
  }

  [Symbol.dispose](): void {
    for (const timer of this.#timers) timer[Symbol.dispose]()
    this.#timers.clear()
  }
}
