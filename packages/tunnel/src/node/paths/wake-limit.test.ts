import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { WakeLimit } from './wake-limit.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

it('runs at once when it is woken now and then, and at a steady rate in a burst, the last time included', () => {
  let runs = 0
  using limit = new WakeLimit(() => void runs++, { burst: 2, everyMs: 10_000 })
  limit.wake()
  expect(runs).toBe(1)
  vi.advanceTimersByTime(10_000)

  for (let i = 0; i < 59; i++) {
    limit.wake()
    vi.advanceTimersByTime(500)
  }
  expect(runs).toBe(1 + 2 + 2)
  vi.advanceTimersByTime(60_000)
  expect(runs).toBe(6)
})
