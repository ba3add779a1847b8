import { expect, it } from 'vitest'
import { RateLimit } from './rate-limit.ts'

it('lets so many through in each period, and tells the first one of a later period how many were left out', () => {
  const limit = new RateLimit({ max: 2, periodMs: 60_000 })

  expect([0, 10, 20, 59_999].map((now) => limit.take(now))).toEqual([0, 0, undefined, undefined])
  expect([60_000, 60_001, 60_002].map((now) => limit.take(now))).toEqual([2, 0, undefined])
})

it('keeps the count over a period in which nothing came', () => {
  const limit = new RateLimit({ max: 1, periodMs: 60_000 })
  for (const now of [0, 1, 2]) limit.take(now)

  expect(limit.take(600_000)).toBe(2)
})

it('begins a period with the first one that comes in it', () => {
  const limit = new RateLimit({ max: 2, periodMs: 1_000 })

  expect([5, 5, 5, 1_004].map((now) => limit.take(now))).toEqual([0, 0, undefined, undefined])
  expect([1_005, 1_005, 1_005].map((now) => limit.take(now))).toEqual([2, 0, undefined])
})
