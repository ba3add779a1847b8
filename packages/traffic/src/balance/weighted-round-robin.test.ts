import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Candidates, candidate, countKeys, notEmpty, seededRandom, weighted } from './test/candidates.ts'
import { WeightedRoundRobin } from './weighted-round-robin.ts'

/** Begins with the first candidate. */
function fromFirst(): WeightedRoundRobin {
  return new WeightedRoundRobin(() => 0)
}

function keysOf(balancer: WeightedRoundRobin, candidates: Candidates, count: number): readonly string[] {
  return Array.from({ length: count }, () => balancer.pick(candidates).key)
}

describe('WeightedRoundRobin', () => {
  it('goes round', () => {
    expect(keysOf(fromFirst(), weighted({ a: 1, b: 1, c: 1 }), 7).join('')).toBe('abcabca')
  })

  it('lets others come between the picks of a heavy one', () => {
    expect(keysOf(fromFirst(), weighted({ a: 5, b: 1, c: 1 }), 14).join('')).toBe('aabacaaaabacaa')
  })

  it('gives each exactly its share in each round, wherever it begins', () => {
    const weights = fc.record({ a: fc.integer({ min: 1, max: 9 }), b: fc.integer({ min: 1, max: 9 }) })
    fc.assert(
      fc.property(weights, fc.nat(), ({ a, b }, seed) => {
        const balancer = new WeightedRoundRobin(seededRandom(seed))
        const picks = Array.from({ length: 3 * (a + b) }, () => balancer.pick(weighted({ a, b })))
        expect(countKeys(picks)).toEqual({ a: 3 * a, b: 3 * b })
      }),
    )
  })

  it('does not begin at the same endpoint on every node', () => {
    const firsts = Array.from(
      { length: 20 },
      (_, seed) => new WeightedRoundRobin(seededRandom(seed)).pick(weighted({ a: 1, b: 1, c: 1 })).key,
    )

    expect(new Set(firsts)).toEqual(new Set(['a', 'b', 'c']))
  })

  it('goes round all the others evenly while one can never be connected to', () => {
    const all = weighted({ dead: 1, a: 1, b: 1, c: 1 })
    const alive = weighted({ a: 1, b: 1, c: 1 })
    const balancer = fromFirst()
    const tried = Array.from({ length: 300 }, () => balancer.pick(all))

    const served = tried.map((one) => (one.key === 'dead' ? balancer.pick(alive) : one))

    expect(countKeys(served)).toEqual({ a: 100, b: 100, c: 100 })
  })

  it('tries one that fails no more often than its share', () => {
    const all = weighted({ dead: 1, a: 1, b: 1 })
    const balancer = fromFirst()
    let tries = 0
    for (let flow = 0; flow < 300; flow++)
      if (balancer.pick(all).key === 'dead') {
        tries++
        balancer.pick(weighted({ a: 1, b: 1 }))
      }

    expect(tries).toBeLessThanOrEqual(100)
    expect(tries).toBeGreaterThan(70)
  })

  it('pays no old debts among few when many have gone', () => {
    const many = Array.from({ length: 1_000 }, (_, index) => candidate(`${index}`))
    const few = notEmpty(many.slice(498, 501))
    for (const seed of [1, 2, 3]) {
      const balancer = new WeightedRoundRobin(seededRandom(seed))
      keysOf(balancer, notEmpty(many), 500)

      expect(longestRun(keysOf(balancer, few, 30))).toBeLessThanOrEqual(3)
    }
  })

  it('forgets those that have gone for good', () => {
    let newcomers = 0
    const balancer = new WeightedRoundRobin(() => {
      newcomers++
      return 0
    })
    balancer.pick(weighted({ first: 1, old: 1 }))
    for (let index = 0; index < 100; index++) balancer.pick(weighted({ [`pod ${index}`]: 1 }))
    expect(newcomers).toBe(102)

    balancer.pick(weighted({ old: 1 }))
    expect(newcomers).toBe(103)
  })

  it('knows one again that was away for a moment', () => {
    let newcomers = 0
    const balancer = new WeightedRoundRobin(() => {
      newcomers++
      return 0
    })
    for (let index = 0; index < 100; index++) {
      balancer.pick(weighted({ a: 1, b: 1 }))
      balancer.pick(weighted({ b: 1 }))
    }

    expect(newcomers).toBe(2)
  })
})

function longestRun(keys: readonly string[]): number {
  let [longest, run] = [0, 0]
  for (const [index, key] of keys.entries()) {
    run = key === keys[index - 1] ? run + 1 : 1
    longest = Math.max(longest, run)
  }
  return longest
}
