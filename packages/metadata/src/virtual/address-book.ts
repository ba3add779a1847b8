import { IP_FAMILIES, type IpFamily, type Logger, type Metrics } from '@edgeway/core'
import type { OfflineStore } from '../store/offline-store.ts'
import { familyOfKey, serviceOfKey } from './address-key.ts'
import { AddressPool, type Lease } from './address-pool.ts'
import { AddressRange } from './address-range.ts'
import { type VirtualAddressMetrics, virtualAddressMetrics } from './metrics.ts'
import type { VirtualAddressOptions } from './options.ts'

/** Of leases in the store. */
const STORE_KIND = 'virtualaddresses'
const NO_KEYS: ReadonlySet<string> = new Set()

export interface AddressBookDeps {
  readonly store: Pick<OfflineStore, 'take' | 'note'> | undefined
  readonly logger: Logger
  readonly metrics: Metrics
  /** Milliseconds since 1970. */
  now(): number
}

/** Of one family, for /statusz. */
export interface AddressBookStatus {
  readonly range: string
  readonly used: number
  readonly unused: number
  /** Endpoints that none was left for. */
  readonly lacking: number
}

/** The virtual addresses of both families, who uses them, and that the store has them. */
export class AddressBook {
  readonly #retentionMs: number
  readonly #deps: AddressBookDeps
  readonly #metrics: VirtualAddressMetrics
  readonly #pools: ReadonlyMap<IpFamily, AddressPool>
  /** By Service, `namespace/name`. */
  readonly #usedBy = new Map<string, ReadonlySet<string>>()
  /** In use, but without an address. */
  readonly #lacking = new Map<IpFamily, Set<string>>()
  readonly #saidFull = new Set<IpFamily>()
  #touched = new Set<string>()

  /** @throws {AddressRangeError} when a range can't be used */
  constructor(options: VirtualAddressOptions, deps: AddressBookDeps) {
    this.#retentionMs = options.retentionSeconds * 1_000
    this.#deps = deps
    this.#metrics = virtualAddressMetrics(deps.metrics)
    const { ipv4: IPv4, ipv6: IPv6 } = options
    this.#pools = poolsOf({ IPv4, IPv6 }, (key, lease) => this.#changed(key, lease))
    this.#restore()
    this.#show()
  }

  get ranges(): readonly AddressRange[] {
    return [...this.#pools.values()].map(({ range }) => range)
  }

  get status(): Readonly<Partial<Record<IpFamily, AddressBookStatus>>> {
    return Object.fromEntries(
      [...this.#pools].map(([family, { range, usedCount, unusedCount }]) => [
        family,
        { range: range.text, used: usedCount, unused: unusedCount, lacking: this.#lackingOf(family).size },
      ]),
    )
  }

  /** Also while nobody uses it, until it is freed. */
  addressOf(key: string): string | undefined {
    for (const pool of this.#pools.values()) {
      const address = pool.addressOf(key)
      if (address !== undefined) return address
    }
    return undefined
  }

  /**
   * Gives addresses to the endpoints of a Service that need one.
   *
   * @param service - `namespace/name`
   * @param keys - of all those endpoints: what it used else, it uses no longer
   */
  use(service: string, keys: ReadonlySet<string>): void {
    const before = this.#usedBy.get(service) ?? NO_KEYS
    for (const key of before) if (!keys.has(key)) this.#release(key)
    for (const key of keys) if (!before.has(key) || this.addressOf(key) === undefined) this.#claim(key)
    if (keys.size === 0) this.#usedBy.delete(service)
    else this.#usedBy.set(service, keys)
    this.#show()
  }

  /** Frees the address of a key that does not use it, as if it had never had one. */
  forget(key: string): void {
    this.#poolOf(key)?.forget(key)
  }

  /** Frees what was not used for too long. To be called now and then, once all Services and endpoints are known. */
  expire(): void {
    for (const pool of this.#pools.values()) pool.expire(this.#deps.now(), this.#retentionMs)
    // There may be room for them now.
    for (const keys of this.#lacking.values()) for (const key of keys) this.#touched.add(serviceOfKey(key))
    this.#show()
  }

  /** Services, `namespace/name`, of which an address was freed since the last time, or may be had now. */
  takeTouched(): ReadonlySet<string> {
    const touched = this.#touched
    this.#touched = new Set()
    return touched
  }

  #claim(key: string): void {
    const family = familyOfKey(key)
    const pool = this.#poolOf(key)
    if (family === undefined || pool === undefined) return
    if (pool.claim(key)) this.#lackingOf(family).delete(key)
    else this.#lack(key, pool)
  }

  #lack(key: string, { range: { family, text } }: AddressPool): void {
    this.#lackingOf(family).add(key)
    if (this.#saidFull.has(family)) return
    this.#saidFull.add(family)
    this.#deps.logger.warn('all virtual addresses are in use, further endpoints keep their own', {
      range: text,
      endpoint: key,
    })
  }

  #release(key: string): void {
    const pool = this.#poolOf(key)
    if (pool === undefined) return
    this.#lackingOf(pool.range.family).delete(key)
    pool.release(key, this.#deps.now())
  }

  #changed(key: string, lease: Lease | undefined): void {
    if (lease === undefined) this.#touched.add(serviceOfKey(key))
    this.#deps.store?.note(STORE_KIND, { key, uid: '', revision: 0, value: lease })
  }

  #restore(): void {
    const { store, logger } = this.#deps
    let unreadable = 0
    for (const { key, value } of store?.take(STORE_KIND) ?? []) {
      const lease = readLease(value)
      const isReadable = lease !== undefined && familyOfKey(key) !== undefined
      if (!isReadable) unreadable += 1
      // Of another range, since that was configured: nobody has any use for it.
      if (!isReadable || this.#poolOf(key)?.restore(key, lease) !== true) this.#changed(key, undefined)
    }
    this.#touched.clear()
    if (unreadable > 0)
      logger.warn('stored virtual addresses can not be read, they are left out', { entries: unreadable })
  }

  #poolOf(key: string): AddressPool | undefined {
    const family = familyOfKey(key)
    return family === undefined ? undefined : this.#pools.get(family)
  }

  #lackingOf(family: IpFamily): Set<string> {
    const keys = this.#lacking.get(family) ?? new Set()
    this.#lacking.set(family, keys)
    return keys
  }

  #show(): void {
    for (const [family, { usedCount, unusedCount }] of this.#pools) {
      this.#metrics.addresses.set({ family, state: 'used' }, usedCount)
      this.#metrics.addresses.set({ family, state: 'unused' }, unusedCount)
      this.#metrics.addresses.set({ family, state: 'lacking' }, this.#lackingOf(family).size)
    }
  }
}

function poolsOf(
  ranges: Readonly<Record<IpFamily, string>>,
  onChange: (key: string, lease: Lease | undefined) => void,
): ReadonlyMap<IpFamily, AddressPool> {
  const wanted = IP_FAMILIES.filter((family) => ranges[family] !== 'off')
  return new Map(
    wanted.map((family) => [family, new AddressPool(AddressRange.parse(ranges[family], family), onChange)]),
  )
}

/** @returns `undefined` for what this process would not have written */
function readLease(value: unknown): Lease | undefined {
  if (typeof value !== 'object' || value === null || !('ip' in value)) return undefined
  const { ip, unusedSince } = { unusedSince: undefined, ...value }
  if (typeof ip !== 'string') return undefined
  return unusedSince === undefined || typeof unusedSince === 'number' ? { ip, unusedSince } : undefined
}
