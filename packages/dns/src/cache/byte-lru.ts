interface Held<Value> {
  readonly value: Value
  readonly bytes: number
}

/** The share of the bytes that values may take which were used again. */
const PROTECTED_SHARE = 0.8

/**
 * Values by key within a number of bytes: room for a new one is made by those that were not used for longest, and first by
 * those that were never used again, so that any number of names asked for once leave those alone that are in use
 * (segmented LRU; Karedla, Love and Wherry, 1994).
 */
export class ByteLru<Value> {
  readonly #maxBytes: number
  /** Not used since they were put here, or not for long. */
  readonly #probation = new Segment<Value>()
  /** Used again. */
  readonly #protected = new Segment<Value>()

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  /** What all values take, never above the bound. */
  get bytes(): number {
    return this.#probation.bytes + this.#protected.bytes
  }

  get size(): number {
    return this.#probation.size + this.#protected.size
  }

  /** The value, which counts as used now. */
  get(key: string): Value | undefined {
    const held = this.#protected.take(key) ?? this.#probation.take(key)
    if (held === undefined) return undefined
    this.#protect(key, held)
    return held.value
  }

  /**
   * Puts a value in the place of the key's former one. One that alone exceeds the bound is not kept, nor is the former.
   *
   * @param bytes - what the value takes with its key
   * @returns how many others had to go
   */
  set(key: string, value: Value, bytes: number): number {
    const wasProtected = this.#protected.take(key) !== undefined
    this.#probation.take(key)
    if (bytes > this.#maxBytes) return 0
    let evictions = 0
    for (; this.bytes + bytes > this.#maxBytes; evictions++) this.#evict()
    if (wasProtected) this.#protect(key, { value, bytes })
    else this.#probation.add(key, { value, bytes })
    return evictions
  }

  delete(key: string): void {
    if (this.#protected.take(key) === undefined) this.#probation.take(key)
  }

  /** Others that were used again, but not for longest, are on probation once more where they are too many. */
  #protect(key: string, held: Held<Value>): void {
    this.#protected.add(key, held)
    while (this.#protected.bytes > this.#maxBytes * PROTECTED_SHARE) this.#demote()
  }

  #demote(): void {
    const oldest = this.#protected.takeOldest()
    if (oldest !== undefined) this.#probation.add(...oldest)
  }

  #evict(): void {
    if (this.#probation.takeOldest() === undefined) this.#protected.takeOldest()
  }
}

/** Values in the order in which they were added. */
class Segment<Value> {
  /** A Map keeps the order of insertion. */
  readonly #held = new Map<string, Held<Value>>()
  #bytes = 0

  get bytes(): number {
    return this.#bytes
  }

  get size(): number {
    return this.#held.size
  }

  /** The key must not be there. */
  add(key: string, held: Held<Value>): void {
    this.#held.set(key, held)
    this.#bytes += held.bytes
  }

  take(key: string): Held<Value> | undefined {
    const held = this.#held.get(key)
    if (held === undefined) return undefined
    this.#held.delete(key)
    this.#bytes -= held.bytes
    return held
  }

  takeOldest(): readonly [string, Held<Value>] | undefined {
    for (const [key, held] of this.#held) {
      this.take(key)
      return [key, held]
    }
    return undefined
  }
}
