import { crc32 } from 'node:zlib'
import type { AddressRange } from './address-range.ts'

/** An address, and whose it is. */
export interface Lease {
  readonly ip: string
  /** When it ceased to be used, in milliseconds since 1970; `undefined` while it is used, as far as is known. */
  readonly unusedSince: number | undefined
}

interface Place {
  readonly number: number
  readonly unusedSince: number | undefined
}

/**
 * Gives the addresses of a range to keys, by their hash, so that a key has nearly always the same one, whoever else there is.
 * One that is no longer used stays with its key until its time is over or the range is full.
 */
export class AddressPool {
  readonly range: AddressRange
  readonly #onChange: (key: string, lease: Lease | undefined) => void
  readonly #places = new Map<string, Place>()
  readonly #keys = new Map<number, string>()
  readonly #used = new Set<string>()

  /** @param onChange - told of each lease that comes, changes or (`undefined`) goes */
  constructor(range: AddressRange, onChange: (key: string, lease: Lease | undefined) => void) {
    this.range = range
    this.#onChange = onChange
  }

  get usedCount(): number {
    return this.#used.size
  }

  get unusedCount(): number {
    return this.#places.size - this.#used.size
  }

  /**
   * Takes what was so before; nobody is told. It counts as used by nobody yet.
   *
   * @returns false for an address that is of another range, or somebody else's
   */
  restore(key: string, { ip, unusedSince }: Lease): boolean {
    const number = this.range.numberOf(ip)
    if (number === undefined || this.#keys.has(number) || this.#places.has(key)) return false
    this.#set(key, { number, unusedSince })
    return true
  }

  addressOf(key: string): string | undefined {
    const place = this.#places.get(key)
    return place === undefined ? undefined : this.range.addressAt(place.number)
  }

  /** @returns whether the key has an address now: none is left where all are used */
  claim(key: string): boolean {
    const known = this.#places.get(key)
    if (known === undefined && !this.#makeRoom()) return false
    this.#used.add(key)
    if (known === undefined) this.#change(key, { number: this.#freeNumber(key), unusedSince: undefined })
    else if (known.unusedSince !== undefined) this.#change(key, { ...known, unusedSince: undefined })
    return true
  }

  /** @param now - in milliseconds since 1970 */
  release(key: string, now: number): void {
    const place = this.#places.get(key)
    if (place === undefined || !this.#used.delete(key)) return
    this.#change(key, { ...place, unusedSince: now })
  }

  /** Frees what was not used for so long. What nobody has claimed so far is unused from now on. */
  expire(now: number, retentionMs: number): void {
    for (const [key, place] of [...this.#places]) {
      if (this.#used.has(key)) continue
      // A later time is one of a clock that was wrong.
      const since = Math.min(place.unusedSince ?? now, now)
      if (now - since >= retentionMs) this.#drop(key, place)
      else if (since !== place.unusedSince) this.#change(key, { ...place, unusedSince: since })
    }
  }

  #makeRoom(): boolean {
    if (this.#places.size < this.range.size) return true
    const unused = [...this.#places].filter(([key]) => !this.#used.has(key))
    const [oldest] = unused.toSorted(([, a], [, b]) => ageRank(a) - ageRank(b))
    if (oldest === undefined) return false
    this.#drop(...oldest)
    return true
  }

  #freeNumber(key: string): number {
    let number = crc32(key) % this.range.size
    while (this.#keys.has(number)) number = (number + 1) % this.range.size
    return number
  }

  #change(key: string, place: Place): void {
    this.#set(key, place)
    this.#onChange(key, { ip: this.range.addressAt(place.number), unusedSince: place.unusedSince })
  }

  #set(key: string, place: Place): void {
    this.#places.set(key, place)
    this.#keys.set(place.number, key)
  }

  #drop(key: string, { number }: Place): void {
    this.#places.delete(key)
    this.#keys.delete(number)
    this.#onChange(key, undefined)
  }
}

/** What nobody has claimed yet may be claimed any moment: it goes last. */
function ageRank({ unusedSince }: Place): number {
  return unusedSince ?? Number.MAX_VALUE
}
