import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type MaglevBackend, maglevTable } from './maglev.ts'

const SIZE = 4_093

const backends = fc
  .uniqueArray(fc.ipV4(), { minLength: 2, maxLength: 40 })
  .chain((ips) =>
    fc
      .array(fc.integer({ min: 1, max: 10 }), { minLength: ips.length, maxLength: ips.length })
      .map((weights) => ips.map((ip, i): MaglevBackend => ({ key: `${ip}:80`, weight: weights[i] ?? 1 }))),
  )

function sharesOf(table: readonly MaglevBackend[]): Map<string, number> {
  const shares = new Map<string, number>()
  for (const { key } of table) shares.set(key, (shares.get(key) ?? 0) + 1)
  return shares
}

describe('maglevTable', () => {
  it('gives each backend its share, less than two turns off', () => {
    fc.assert(
      fc.property(backends, (some) => {
        const shares = sharesOf(maglevTable(some, SIZE))
        const total = some.reduce((sum, { weight }) => sum + weight, 0)
        for (const { key, weight } of some) {
          const off = Math.abs((shares.get(key) ?? 0) - (SIZE * weight) / total)
          expect(off).toBeLessThan(weight + 2)
        }
      }),
      { numRuns: 50 },
    )
  })

  it('is the same whatever the order of the backends', () => {
    fc.assert(
      fc.property(backends, (some) => {
        expect(maglevTable(some.toReversed(), SIZE)).toEqual(maglevTable(some, SIZE))
      }),
      { numRuns: 50 },
    )
  })

  it('moves few places among those that stay when one leaves', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.ipV4(), { minLength: 3, maxLength: 25 }), (ips) => {
        const all = ips.map((ip) => ({ key: ip, weight: 1 }))
        const [left, ...rest] = all
        const before = maglevTable(all, SIZE)
        const after = maglevTable(rest, SIZE)
        const moved = before.filter((backend, i) => backend !== left && backend !== after[i]).length
        expect(moved / SIZE).toBeLessThan(0.1)
      }),
      { numRuns: 50 },
    )
  })

  it('is empty when there is nothing to share it among', () => {
    expect(maglevTable([], SIZE)).toEqual([])
  })
})
