import { beforeEach, describe, expect, it } from 'vitest'
import { RetryBudget } from './retry-budget.ts'

describe('RetryBudget', () => {
  let budget: RetryBudget
  beforeEach(() => {
    budget = new RetryBudget()
  })

  function requests(count: number, now: number): void {
    for (let n = 0; n < count; n++) budget.request(now)
  }

  /** How many retries there are at that time. */
  function taken(now: number): number {
    let count = 0
    while (count < 1_000 && budget.take(now)) count++
    return count
  }

  it.each([
    [0, 10],
    [50, 10],
    [55, 11],
    [1_000, 200],
  ])('allows for %i requests %i retries', (count, retries) => {
    requests(count, 0)

    expect(taken(0)).toBe(retries)
  })

  it('goes by the requests and retries of the latest ten seconds', () => {
    requests(500, 0)
    requests(500, 5_000)
    expect(taken(9_999)).toBe(200)

    // The first ones are forgotten, but not their retries.
    expect(taken(10_000)).toBe(0)
    expect(taken(19_000)).toBe(10)
  })

  it('gives back what was taken once that is ten seconds ago', () => {
    expect(taken(2_000)).toBe(10)
    expect(taken(11_999)).toBe(0)
    expect(taken(12_000)).toBe(10)
  })

  it('begins anew after a long silence, whenever that is', () => {
    requests(1_000, 1_234_567)
    expect(taken(1_234_567)).toBe(200)

    expect(taken(987_654_321)).toBe(10)
  })
})
