import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ByteLru } from './byte-lru.ts'

const MAX_BYTES = 100

/** The same kept by hand, those not used for longest first. */
class Model {
  held: { key: string; bytes: number }[] = []

  get bytes(): number {
    return this.held.reduce((sum, { bytes }) => sum + bytes, 0)
  }

  get(key: string): number | undefined {
    const found = this.held.find((one) => one.key === key)
    if (found !== undefined) this.held = [...this.held.filter((one) => one !== found), found]
    return found?.bytes
  }

  set(key: string, bytes: number): number {
    this.delete(key)
    if (bytes > MAX_BYTES) return 0
    const before = this.held.length
    while (this.bytes + bytes > MAX_BYTES) this.held.shift()
    const evictions = before - this.held.length
    this.held.push({ key, bytes })
    return evictions
  }

  delete(key: string): void {
    this.held = this.held.filter((one) => one.key !== key)
  }
}

const key = fc.constantFrom(...'abcdefgh')
const step = fc.oneof(
  key.map((name) => (lru: ByteLru<number>, model: Model) => expect(lru.get(name)).toBe(model.get(name))),
  key.map((name) => (lru: ByteLru<number>, model: Model) => {
    lru.delete(name)
    model.delete(name)
  }),
  fc.tuple(key, fc.nat(120)).map(([name, bytes]) => (lru: ByteLru<number>, model: Model) => {
    expect(lru.set(name, bytes, bytes)).toBe(model.set(name, bytes))
  }),
)

describe('ByteLru', () => {
  it('never takes more bytes than its bound, and holds what a plain list does that is kept by hand', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 100 }), (steps) => {
        const lru = new ByteLru<number>(MAX_BYTES)
        const model = new Model()
        for (const act of steps) {
          act(lru, model)
          expect(lru.bytes).toBeLessThanOrEqual(MAX_BYTES)
          expect([lru.bytes, lru.size]).toEqual([model.bytes, model.held.length])
        }
      }),
      { numRuns: 500 },
    )
  })
})
