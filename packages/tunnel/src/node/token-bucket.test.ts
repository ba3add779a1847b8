import { expect, it } from 'vitest'
import { TokenBucket } from './token-bucket.ts'

it('gives a burst, then one at a time, and saves up no more than one burst', () => {
  let now = 0
  const bucket = new TokenBucket({ burst: 3, everyMs: 100 }, () => now)
  const takenAt = (at: number): number => {
    now = at
    return Array.from({ length: 20 }, () => bucket.take()).filter(Boolean).length
  }

  expect([takenAt(0), takenAt(50), takenAt(100), takenAt(10_000)]).toEqual([3, 0, 1, 3])
})

it('says how long it takes until there is another one', () => {
  let now = 0
  const bucket = new TokenBucket({ burst: 1, everyMs: 100 }, () => now)
  expect(bucket.waitMs()).toBe(0)

  bucket.take()
  now = 30
  expect(bucket.waitMs()).toBe(70)
})
