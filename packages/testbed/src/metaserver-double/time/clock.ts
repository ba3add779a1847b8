/** Where time comes from. Everything that waits takes it from here, so that a run can be repeated. */
export interface Clock {
  /** Milliseconds since some moment; never goes back. */
  now(): number
  /** Calls back once, `delayMs` from now, unless the timer was disposed before. */
  after(delayMs: number, callback: () => void): Disposable
}

export const systemClock: Clock = {
  now: () => performance.now(),
  after(delayMs, callback) {
    const timer = setTimeout(callback, delayMs)
    return { [Symbol.dispose]: () => clearTimeout(timer) }
  },
}

/** Resolves after `delayMs`; for 0 without a timer. */
export async function wait(clock: Clock, delayMs: number): Promise<void> {
  if (delayMs > 0) await new Promise<void>((resolve) => void clock.after(delayMs, resolve))
}

/** Calls back every `intervalMs`, until disposed. */
export function every(clock: Clock, intervalMs: number, callback: () => void): Disposable {
  let timer = clock.after(intervalMs, function tick() {
    timer = clock.after(intervalMs, tick)
    callback()
  })
  return { [Symbol.dispose]: () => timer[Symbol.dispose]() }
}
