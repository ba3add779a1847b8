import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ByteLru } from './byte-lru.ts'

const MAX_BYTES = 100
const MAX_PROTECTED_BYTES = 80

interface Item {
  readonly key: string
  readonly bytes: number
}

/** The same kept by hand, those not used for longest first. */
class Model {
  probation: readonly Item[] = []
  used: readonly Item[] = []

  get items(): readonly Item[] {
    return [...this.probation, ...this.used]
  }

  get(key: string): number | undefined {
    const found = this.items.find((one) => one.key === key)
    this.delete(key)
    if (found !== undefined) this.#use(found)
    return found?.bytes
  }

  set(key: string, bytes: number): number {
    const wasUsed = this.used.some((one) => one.key === key)
    this.delete(key)
    if (bytes > MAX_BYTES) return 0
    let evictions = 0
    while (total(this.items) + bytes > MAX_BYTES) {
      this.delete(this.items[0]?.key ?? '')
      evictions++
    }
    if (wasUsed) this.#use({ key, bytes })
    else this.probation = [...this.probation, { key, bytes }]
    return evictions
  }

  delete(key: string): void {
    this.probation = this.probation.filter((one) => one.key !== key)
    this.used = this.used.filter((one) => one.key !== key)
  }

  #use(item: Item): void {
    this.used = [...this.used, item]
    while (total(this.used) > MAX_PROTECTED_BYTES) {
      this.probation = [...this.probation, ...this.used.slice(0, 1)]
      this.used = this.used.slice(1)
    }
  }
}

function total(items: readonly Item[]): number {
  return items.reduce((sum, { bytes }) => sum + bytes, 0)
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
  it('never takes more bytes than its bound, and holds what plain lists do that are kept by hand', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 100 }), (steps) => {
        const lru = new ByteLru<number>(MAX_BYTES)
        const model = new Model()
        for (const act of steps) {
          act(lru, model)
          expect(lru.bytes).toBeLessThanOrEqual(MAX_BYTES)
          expect([lru.bytes, lru.size]).toEqual([total(model.items), model.items.length])
        }
      }),
      { numRuns: 500 },
    )
  })

  it('keeps what is used again, however many others are used once', () => {
    const lru = new ByteLru<string>(MAX_BYTES)
    lru.set('popular', 'kept', 10)
    lru.get('popular')

    for (let index = 0; index < 1_000; index++) lru.set(`random-${index}`, 'lost', 10)

    expect(lru.get('popular')).toBe('kept')
    expect(lru.get('random-0')).toBeUndefined()
  })

  it('lets go of what was used again, too, when all that is new is used again', () => {
    const lru = new ByteLru<string>(MAX_BYTES)
    lru.set('former', 'lost', 10)
    lru.get('former')

    for (let index = 0; index < 20; index++) {
      lru.set(`new-${index}`, 'kept', 10)
      lru.get(`new-${index}`)
    }

    expect(lru.get('former')).toBeUndefined()
    expect(lru.get('new-19')).toBe('kept')
  })
})
