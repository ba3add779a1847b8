import { describe, expect, it } from 'vitest'
import { ValuePool } from './value-pool.ts'

/** Numbers from 1, and how many of them were asked for. */
class CountedRange implements Iterable<number> {
  asked = 0
  readonly #size: number

  constructor(size: number) {
    this.#size = size
  }

  *[Symbol.iterator](): Generator<number> {
    for (let value = 1; value <= this.#size; value++) {
      this.asked++
      yield value
    }
  }
}

describe('a pool of values', () => {
  it('looks at each value of its range once, however many are taken and released', () => {
    const range = new CountedRange(5_000)
    const pool = new ValuePool(range)
    for (let round = 0; round < 5_000; round++) {
      const value = pool.free() ?? 0
      pool.take(value, 'a')
      if (round % 3 === 0) pool.release(value, 'a')
    }
    expect(range.asked).toBeLessThanOrEqual(5_000)
  })

  it('gives what was released again, and nothing when all is taken', () => {
    const pool = new ValuePool([1, 2])
    pool.take(1, 'a')
    pool.take(2, 'b')
    expect(pool.free()).toBeUndefined()
    pool.release(1, 'a')
    expect(pool.free()).toBe(1)
  })

  it('passes over what was taken without being asked for, until that is released', () => {
    const pool = new ValuePool([1, 2])
    pool.take(1, 'a')
    pool.take(9, 'a')
    expect(pool.free()).toBe(2)
    pool.take(2, 'b')
    pool.release(1, 'a')
    pool.release(9, 'a')
    expect(pool.free()).toBe(1)
  })

  it('leaves a value free until it is taken, and finds another beside it', () => {
    const pool = new ValuePool([1, 2])
    expect([pool.free(), pool.free(), pool.free(new Set([1]))]).toEqual([1, 1, 2])
    expect(pool.free()).toBe(1)
  })

  it('lets nobody release what is not theirs', () => {
    const pool = new ValuePool([1])
    pool.take(1, 'a')
    pool.release(1, 'b')
    expect(pool.ownerOf(1)).toBe('a')
  })
})
