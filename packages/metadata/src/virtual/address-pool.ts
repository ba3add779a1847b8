import { crc32 } from 'node:zlib'
import type { AddressRange } from './address-range.ts'

/** An address, and whose it is. */
export interface Lease {
  readonly ip: string
  /** When it ceased to be used, in milliseconds since 1970; `undefined` while it is used, as far as is known. */
  readonly unusedSince: number | undefined
}

interface Place extends Lease {
  readonly number: number
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
  /** Unused ones, the longest first once they are sorted. */
  #released = new Set<string>()
  #isSorted = true
  #lastReleased = 0
  /** Restored ones that nobody has claimed yet. */
  readonly #unclaimed = new Set<string>()

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
    this.#set(key, { number, ip, unusedSince })
    if (unusedSince === undefined) this.#unclaimed.add(key)
    else this.#released.add(key)
    this.#isSorted = false
    return true
  }

  addressOf(key: string): string | undefined {
    return this.#places.get(key)?.ip
  }

  /** @returns whether the key has an address now: none is left where all are used */
  claim(key: string): boolean {
    const known = this.#places.get(key)
    const place = known ?? this.#freePlace(key)
    if (place === undefined) return false
    this.#used.add(key)
    this.#released.delete(key)
    this.#unclaimed.delete(key)
    if (known === undefined || known.unusedSince !== undefined)
      this.#change(key, { ...place, unusedSince: undefined })
    return true
  }

  /** @param now - in milliseconds since 1970 */
  release(key: string, now: number): void {
    const place = this.#places.get(key)
    if (place === undefined || !this.#used.delete(key)) return
    this.#released.add(key)
    if (now < this.#lastReleased) this.#isSorted = false
    this.#lastReleased = now
    this.#change(key, { ...place, unusedSince: now })
  }

  /** Frees it unless it is used, as if the key had never had it. */
  forget(key: string): void {
    const place = this.#places.get(key)
    if (place !== undefined && !this.#used.has(key)) this.#drop(key, place)
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
    for (const key of this.#unclaimed) this.#released.add(key)
    this.#unclaimed.clear()
    this.#isSorted = false
  }

  /** @returns `undefined` where all are used */
  #freePlace(key: string): Place | undefined {
    const number = this.#places.size < this.range.size ? this.#freeNumber(key) : this.#takenNumber()
    return number === undefined
      ? undefined
      : { number, ip: this.range.addressAt(number), unusedSince: undefined }
  }

  #freeNumber(key: string): number {
    let number = crc32(key) % this.range.size
    while (this.#keys.has(number)) number = (number + 1) % this.range.size
    return number
  }

  /** Of who does not use it for longest; what nobody has claimed yet may be claimed any moment, and goes last. */
  #takenNumber(): number | undefined {
    const [oldest] = this.#released.size > 0 ? this.#sorted() : this.#unclaimed
    const place = oldest === undefined ? undefined : this.#places.get(oldest)
    if (oldest === undefined || place === undefined) return undefined
    this.#drop(oldest, place)
    return place.number
  }

  /** They come in the order of their time, unless the clock goes back; those of the store come in any. */
  #sorted(): ReadonlySet<string> {
    if (this.#isSorted) return this.#released
    const sinceOf = (key: string): number => this.#places.get(key)?.unusedSince ?? 0
    this.#released = new Set([...this.#released].toSorted((a, b) => sinceOf(a) - sinceOf(b)))
    this.#isSorted = true
    return this.#released
  }

  #change(key: string, place: Place): void {
    this.#set(key, place)
    this.#onChange(key, { ip: place.ip, unusedSince: place.unusedSince })
  }

  #set(key: string, place: Place): void {
    this.#places.set(key, place)
    this.#keys.set(place.number, key)
  }

  #drop(key: string, { number }: Place): void {
    this.#places.delete(key)
    this.#released.delete(key)
    this.#unclaimed.delete(key)
    this.#keys.delete(number)
    this.#onChange(key, undefined)
  }
}
