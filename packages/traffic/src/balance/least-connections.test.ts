import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { LeastConnections } from './least-connections.ts'
import { candidate, countKeys, notEmpty, seededRandom } from './test/candidates.ts'

describe('LeastConnections', () => {
  it('picks the one with the fewest open flows', () => {
    const candidates = [candidate('a', { openFlows: 2 }), candidate('b', { openFlows: 1 })] as const

    expect(new LeastConnections(() => 0).pick(candidates).key).toBe('b')
  })

  it('counts the flows by weight', () => {
    const heavy = candidate('heavy', { openFlows: 5, weight: 3 })
    const light = candidate('light', { openFlows: 2, weight: 1 })

    expect(new LeastConnections(() => 0).pick([light, heavy]).key).toBe('heavy')
    expect(new LeastConnections(() => 0).pick([light, { ...heavy, openFlows: 7 }]).key).toBe('light')
  })

  it('picks one that no other has fewer flows for its weight than', () => {
    const load = fc.record({ openFlows: fc.nat({ max: 9 }), weight: fc.integer({ min: 1, max: 4 }) })
    fc.assert(
      fc.property(fc.array(load, { minLength: 1 }), fc.nat(), (loads, seed) => {
        const candidates = notEmpty(loads.map((one, index) => candidate(`${index}`, one)))
        const picked = new LeastConnections(seededRandom(seed)).pick(candidates)
        const least = Math.min(...loads.map(({ openFlows, weight }) => openFlows / weight))
        expect(picked.openFlows / picked.weight).toBe(least)
      }),
    )
  })

  it('picks at random by weight among equals, wherever they stand', () => {
    const candidates = [
      candidate('busy', { openFlows: 9 }),
      candidate('a', { openFlows: 1 }),
      candidate('busier', { openFlows: 10 }),
      candidate('b', { openFlows: 3, weight: 3 }),
    ] as const
    const balancer = new LeastConnections(seededRandom(1))

    const counts = countKeys(Array.from({ length: 4_000 }, () => balancer.pick(candidates)))

    expect(Object.keys(counts).toSorted()).toEqual(['a', 'b'])
    expect(counts['a']).toBeGreaterThan(900)
    expect(counts['a']).toBeLessThan(1_100)
  })
})
