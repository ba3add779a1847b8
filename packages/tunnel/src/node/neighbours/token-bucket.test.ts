import { expect, it } from 'vitest'
import { TokenBucket } from './token-bucket.ts'

it('takes a burst, and then so many a second', () => {
  const bucket = new TokenBucket({ perSecond: 10, burst: 3 })
  const taken = (now: number): number =>
    Array.from({ length: 20 }, () => bucket.take(now)).filter(Boolean).length
  expect([taken(0), taken(50), taken(100), taken(10_000)]).toEqual([3, 0, 1, 3])
})
