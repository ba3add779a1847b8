import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { KernelSlot } from '../../model/rule.ts'
import { HASH_SIZES, hashTable, RANDOM_SIZES, randomTable } from './slot-table.ts'

function slotsOf(...weights: readonly number[]): KernelSlot[] {
  return weights.map((weight, i) => {
    const ip = `10.1.${i >> 8}.${i & 255}`
    return { ip, port: 80, weight, path: 'routed', masquerade: false }
  })
}

function portionsOf(slots: readonly KernelSlot[], table: readonly KernelSlot[]): number[] {
  return slots.map((slot) => table.filter((other) => other === slot).length / table.length)
}

describe('randomTable', () => {
  it('has each slot as often as it weighs, in lowest terms', () => {
    const [light, heavy] = slotsOf(20, 60)

    expect(randomTable(slotsOf(20, 60))).toEqual([light, heavy, heavy, heavy].map((s) => s && { ...s }))
    expect(randomTable(slotsOf(7, 7, 7))).toHaveLength(3)
  })

  it('has a size that there are rules for, and shares off by 1/16 at most', () => {
    const weights = fc.array(fc.integer({ min: 1, max: 8 }), { minLength: 1, maxLength: 32 })
    fc.assert(
      fc.property(weights, (some) => {
        const slots = slotsOf(...some)
        const table = randomTable(slots)
        const total = some.reduce((sum, weight) => sum + weight, 0)
        expect(RANDOM_SIZES).toContain(table.length)
        portionsOf(slots, table).forEach((portion, i) => {
          const due = (some[i] ?? 0) / total
          expect(Math.abs(portion - due) / due).toBeLessThanOrEqual(1 / 16)
        })
      }),
    )
  })

  it('leaves out no slot of 256', () => {
    expect(new Set(randomTable(slotsOf(...new Array<number>(256).fill(1)))).size).toBe(256)
  })
})

describe('hashTable', () => {
  it('has a size that there are rules for and leaves out no slot', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 400 }), (count) => {
        const table = hashTable(slotsOf(...new Array<number>(count).fill(1)))
        expect(HASH_SIZES).toContain(table.length)
        expect(new Set(table).size).toBe(count)
      }),
      { numRuns: 20 },
    )
  })

  it('respects weights', () => {
    const slots = slotsOf(1, 3)

    expect(portionsOf(slots, hashTable(slots))[1]).toBeCloseTo(0.75, 1)
  })
})
