import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { limitedWarn } from './limited-warn.ts'
import type { LogFields } from './ports/logger.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

it('writes so many lines per minute, and says later how many it left out', () => {
  const lines: (LogFields | undefined)[] = []
  const warn = limitedWarn({ warn: (_message, fields) => lines.push(fields) })
  for (let n = 0; n < 100; n++) warn('a stranger came', { n })
  expect(lines).toHaveLength(30)
  expect(lines.at(-1)).toEqual({ n: 29 })

  vi.advanceTimersByTime(60_000)
  warn('a stranger came', { n: 100 })
  warn('a stranger came', { n: 101 })
  expect(lines.slice(30)).toEqual([{ n: 100, leftOut: 70 }, { n: 101 }])
})
