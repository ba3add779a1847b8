/** Time, as tests may replace it. */
export interface Timers {
  /** Milliseconds of a clock that never goes back. */
  now(): number
  /** Calls `then` once, unless it is disposed before. */
  after(delayMs: number, then: () => void): Disposable
}

/** The process's own. They don't keep it alive. */
export const SYSTEM_TIMERS: Timers = {
  now: () => performance.now(),
  after(delayMs, then) {
    const timer = setTimeout(then, delayMs).unref()
    return { [Symbol.dispose]: () => clearTimeout(timer) }
  },
}
