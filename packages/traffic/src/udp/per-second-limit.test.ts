import { expect, it } from 'vitest'
import { PerSecondLimit } from './per-second-limit.ts'

it('lets so many through in each second', () => {
  let now = 5
  const limit = new PerSecondLimit(2, () => now)

  expect([limit.take(), limit.take(), limit.take()]).toEqual([true, true, false])
  now += 999
  expect(limit.take()).toBe(false)
  now += 1
  expect([limit.take(), limit.take(), limit.take()]).toEqual([true, true, false])
})
