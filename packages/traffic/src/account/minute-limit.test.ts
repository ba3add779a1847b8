import { expect, it } from 'vitest'
import { MinuteLimit } from './minute-limit.ts'

it('lets so many through per minute, and tells the first one of a later minute how many were left out', () => {
  const limit = new MinuteLimit(2)

  expect([0, 10, 20, 59_999].map((now) => limit.take(now))).toEqual([0, 0, undefined, undefined])
  expect([60_000, 60_001, 60_002].map((now) => limit.take(now))).toEqual([2, 0, undefined])
})

it('keeps the count over a minute in which nothing came', () => {
  const limit = new MinuteLimit(1)
  for (const now of [0, 1, 2]) limit.take(now)

  expect(limit.take(600_000)).toBe(2)
})
