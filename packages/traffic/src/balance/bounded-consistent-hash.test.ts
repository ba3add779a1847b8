import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { BoundedConsistentHash } from './bounded-consistent-hash.ts'
import { candidate, clients, countKeys, notEmpty, weighted } from './test/candidates.ts'

const CLIENT = '192.0.2.7'

/** The most flows that one may have, if one more comes to all. */
function bound(weight: number, openFlows: number, totalWeight: number): number {
  return Math.ceil((1.25 * (openFlows + 1) * weight) / totalWeight)
}

const anyLoads = fc.array(
  fc.record({ openFlows: fc.nat({ max: 50 }), weight: fc.integer({ min: 1, max: 10 }) }),
  { minLength: 1, maxLength: 20 },
)

describe('BoundedConsistentHash', () => {
  it('gives no endpoint more than 1.25 times its share, whoever calls', () => {
    fc.assert(
      fc.property(anyLoads, fc.constantFrom(...clients(50)), (loads, client) => {
        const candidates = notEmpty(loads.map((load, index) => candidate(`${index}`, load)))
        const total = (of: 'openFlows' | 'weight'): number => loads.reduce((sum, load) => sum + load[of], 0)

        const picked = new BoundedConsistentHash(1).pick(candidates, client)

        expect(picked.openFlows + 1).toBeLessThanOrEqual(
          bound(picked.weight, total('openFlows'), total('weight')),
        )
      }),
      { numRuns: 1_000 },
    )
  })

  it('sends a client to its next endpoint while its own is full, and back once that has room', () => {
    const balancer = new BoundedConsistentHash(1)
    const idle = weighted({ a: 1, b: 1, c: 1, d: 1 }, { openFlows: 10 })
    const own = balancer.pick(idle, CLIENT)
    const full = notEmpty(idle.map((one) => (one === own ? { ...one, openFlows: 15 } : one)))

    const next = balancer.pick(full, CLIENT)

    expect(next.key).not.toBe(own.key)
    expect(balancer.pick(full, CLIENT)).toBe(next)
    expect(balancer.pick(idle, CLIENT)).toBe(own)
    const without = notEmpty(idle.filter((one) => one !== own))
    expect(balancer.pick(without, CLIENT).key).toBe(next.key)
  })

  it('keeps the few flows of a client together', () => {
    const balancer = new BoundedConsistentHash()
    const own = balancer.pick(weighted({ a: 1, b: 1, c: 1 }), CLIENT).key
    const busy = notEmpty(
      weighted({ a: 1, b: 1, c: 1 }).map((one) => ({ ...one, openFlows: one.key === own ? 15 : 0 })),
    )

    expect(balancer.pick(busy, CLIENT).key).toBe(own)
  })

  it('spreads a single client with many flows over all, by weight', () => {
    const balancer = new BoundedConsistentHash(1)
    const open = new Map<string, number>()
    for (let flow = 0; flow < 1_000; flow++) {
      const candidates = weighted({ a: 1, b: 1, c: 2 })
      const seen = notEmpty(candidates.map((one) => ({ ...one, openFlows: open.get(one.key) ?? 0 })))
      const { key, openFlows } = balancer.pick(seen, CLIENT)
      open.set(key, openFlows + 1)
    }

    for (const { key, weight } of weighted({ a: 1, b: 1, c: 2 }))
      expect(open.get(key)).toBeLessThanOrEqual(bound(weight, 1_000, 4))
  })

  it('moves only clients to an endpoint that comes, as many as its share', () => {
    const balancer = new BoundedConsistentHash(1)
    const callers = clients(4_000)
    const [before, after] = [
      { a: 1, b: 1, c: 1 },
      { a: 1, b: 1, c: 1, come: 1 },
    ].map((weights) => callers.map((client) => balancer.pick(weighted(weights), client).key))

    const moved = after?.filter((key, index) => key !== before?.[index])
    expect(new Set(moved)).toEqual(new Set(['come']))
    expect(moved?.length).toBeGreaterThan(900)
    expect(moved?.length).toBeLessThan(1_100)
  })

  it('gives clients only to one whose weight grows, and takes them only from one whose weight shrinks', () => {
    const balancer = new BoundedConsistentHash(1)
    const callers = clients(4_000)
    const [before, after] = [1, 3].map((weight) =>
      callers.map((client) => balancer.pick(weighted({ a: 1, b: 1, c: weight }), client).key),
    )

    const moved = after?.filter((key, index) => key !== before?.[index])
    expect(new Set(moved)).toEqual(new Set(['c']))
  })

  it('chooses alike on every node, whatever it chose before', () => {
    const used = new BoundedConsistentHash(1)
    for (const client of clients(50)) used.pick(weighted({ x: 1, y: 2, a: 1 }), client)
    const candidates = weighted({ a: 1, b: 1, c: 1 })
    const choices = (balancer: BoundedConsistentHash): readonly string[] =>
      clients(100).map((client) => balancer.pick(candidates, client).key)

    expect(choices(used)).toEqual(choices(new BoundedConsistentHash(1)))
  })

  it('spreads neighbouring addresses evenly over endpoints with similar names', () => {
    const endpoints = weighted(Object.fromEntries([1, 2, 3, 4].map((n) => [`edge-1/10.1.0.${n}:80/TCP`, 1])))
    const balancer = new BoundedConsistentHash(1)
    for (const family of [clients(4_000), clients(4_000).map((ip) => `fd00::${ip.replaceAll('.', ':')}`)]) {
      const counts = countKeys(family.map((client) => balancer.pick(endpoints, client)))
      for (const { key } of endpoints) {
        expect(counts[key]).toBeGreaterThan(900)
        expect(counts[key]).toBeLessThan(1_100)
      }
    }
  })
})
