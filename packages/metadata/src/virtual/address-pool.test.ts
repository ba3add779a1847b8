import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { AddressPool, type Lease } from './address-pool.ts'
import { AddressRange } from './address-range.ts'

const KEYS = Array.from({ length: 12 }, (_, index) => `shop/db@db-${index} IPv4`)
/** Of 6 addresses: collisions and a lack of addresses are the rule. */
const SMALL = '10.0.0.0/29'

/** A pool, and what a store would have of it. */
class StoredPool {
  readonly stored = new Map<string, Lease>()
  readonly pool: AddressPool

  constructor(text: string, restored: Iterable<[string, Lease]> = []) {
    this.pool = new AddressPool(AddressRange.parse(text, 'IPv4'), (key, lease) => {
      if (lease === undefined) this.stored.delete(key)
      else this.stored.set(key, lease)
    })
    for (const [key, lease] of restored) if (this.pool.restore(key, lease)) this.stored.set(key, lease)
  }

  addresses(keys: Iterable<string> = KEYS): (string | undefined)[] {
    return [...keys].map((key) => this.pool.addressOf(key))
  }
}

const steps = fc.array(
  fc.record({
    kind: fc.constantFrom('claim', 'release', 'expire', 'restart'),
    key: fc.constantFrom(...KEYS),
  }),
  { maxLength: 60 },
)

type Step = typeof steps extends fc.Arbitrary<(infer One)[]> ? One : never

/** Who uses which address of a small pool, through restarts. */
class Users {
  #under = new StoredPool(SMALL)
  readonly #addresses = new Map<string, string | undefined>()

  take({ kind, key }: Step, now: number): void {
    const { pool } = this.#under
    if (kind === 'claim' && pool.claim(key)) this.#addresses.set(key, pool.addressOf(key))
    if (kind === 'release') this.#release(key, now)
    if (kind === 'expire') pool.expire(now, 10)
    if (kind === 'restart') this.#restart()
  }

  compare(): void {
    const given = this.#under.addresses().filter((ip) => ip !== undefined)
    expect(new Set(given).size).toBe(given.length)
    expect(this.#under.addresses(this.#addresses.keys())).toEqual([...this.#addresses.values()])
    expect(this.#under.pool.usedCount).toBe(this.#addresses.size)
    expect(this.#under.addresses()).toEqual(KEYS.map((key) => this.#under.stored.get(key)?.ip))
  }

  #release(key: string, now: number): void {
    this.#under.pool.release(key, now)
    this.#addresses.delete(key)
  }

  #restart(): void {
    this.#under = new StoredPool(SMALL, this.#under.stored)
    for (const key of this.#addresses.keys()) expect(this.#under.pool.claim(key)).toBe(true)
  }
}

describe('a pool of addresses', () => {
  it('never gives one address to two, takes none from who uses it, and stores what it gives', () => {
    fc.assert(
      fc.property(steps, (taken) => {
        const users = new Users()
        for (const [now, step] of taken.entries()) {
          users.take(step, now)
          users.compare()
        }
      }),
      { numRuns: 500 },
    )
  })

  it('gives the same address to a key after a restart without a store, whoever else comes first', () => {
    const [first, second] = [new StoredPool('240.240.0.0/16'), new StoredPool('240.240.0.0/16')]
    for (const one of KEYS) first.pool.claim(one)
    for (const one of KEYS.toReversed()) second.pool.claim(one)
    expect(second.addresses()).toEqual(first.addresses())
    expect(first.addresses()).not.toContain(undefined)
  })

  it('keeps an address for a while, however often it is used again', () => {
    const { pool } = new StoredPool(SMALL)
    const [one = ''] = KEYS
    pool.claim(one)
    const ip = pool.addressOf(one)
    pool.release(one, 1_000)
    pool.expire(1_999, 1_000)
    expect(pool.addressOf(one)).toBe(ip)
    pool.claim(one)
    pool.expire(9_000, 1_000)
    expect(pool.addressOf(one)).toBe(ip)
    pool.release(one, 10_000)
    pool.expire(11_000, 1_000)
    expect(pool.addressOf(one)).toBeUndefined()
  })

  it('counts what nobody claims after a restart as unused from then on', () => {
    const [one = ''] = KEYS
    const { pool, stored } = new StoredPool(SMALL, [[one, { ip: '10.0.0.3', unusedSince: undefined }]])
    pool.expire(5_000, 1_000)
    expect(stored.get(one)).toEqual({ ip: '10.0.0.3', unusedSince: 5_000 })
    pool.expire(6_000, 1_000)
    expect(stored.get(one)).toBeUndefined()
  })

  it('does not wait for a time that a wrong clock has told', () => {
    const [one = ''] = KEYS
    const { pool } = new StoredPool(SMALL, [[one, { ip: '10.0.0.3', unusedSince: 9e12 }]])
    pool.expire(5_000, 1_000)
    pool.expire(6_000, 1_000)
    expect(pool.addressOf(one)).toBeUndefined()
  })

  it('takes the address that was unused for longest when there is no other, and says so', () => {
    const under = new StoredPool(SMALL)
    const [a = '', b = '', c = '', d = '', e = '', f = '', g = '', h = '', i = ''] = KEYS
    for (const one of [a, b, c, d, e, f]) under.pool.claim(one)
    expect(under.pool.claim(g)).toBe(false)
    under.pool.release(c, 2)
    under.pool.release(b, 1)
    const freed = under.addresses([b, c])

    expect([g, h, i].map((one) => under.pool.claim(one))).toEqual([true, true, false])
    expect(under.addresses([g, h])).toEqual(freed)
    expect([...under.stored.keys()].toSorted()).toEqual([a, d, e, f, g, h].toSorted())
  })

  it('takes restored addresses by their time, whoever comes first; those that may be claimed any moment last', () => {
    const [a = '', b = '', c = '', d = '', e = '', f = '', ...others] = KEYS
    const under = new StoredPool(SMALL, [
      [a, { ip: '10.0.0.1', unusedSince: undefined }],
      [b, { ip: '10.0.0.2', unusedSince: 30 }],
      [c, { ip: '10.0.0.3', unusedSince: 10 }],
      [d, { ip: '10.0.0.4', unusedSince: 40 }],
      [e, { ip: '10.0.0.5', unusedSince: 20 }],
    ])
    under.pool.claim(f)
    under.pool.release(f, 25)
    const order = others.slice(0, 6)

    for (const one of order) expect(under.pool.claim(one)).toBe(true)
    expect(under.addresses(order)).toEqual([3, 5, 6, 2, 4, 1].map((number) => `10.0.0.${number}`))
  })

  it('restores nothing that is of another range, or that somebody has already', () => {
    const { pool } = new StoredPool(SMALL)
    const [a = '', b = ''] = KEYS
    const lease = (ip: string): Lease => ({ ip, unusedSince: undefined })
    expect(pool.restore(a, lease('10.0.1.1'))).toBe(false)
    expect(pool.restore(a, lease('10.0.0.1'))).toBe(true)
    expect(pool.restore(b, lease('10.0.0.1'))).toBe(false)
    expect(pool.restore(a, lease('10.0.0.2'))).toBe(false)
  })
})
