interface Held<Value> {
  readonly value: Value
  readonly bytes: number
}

/** Values by key within a number of bytes: room for a new one is made by those that were not used for longest. */
export class ByteLru<Value> {
  readonly #maxBytes: number
  /** Those not used for longest first: a Map keeps the order of insertion. */
  readonly #held = new Map<string, Held<Value>>()
  #bytes = 0

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  /** What all values take, never above the bound. */
  get bytes(): number {
    return this.#bytes
  }

  get size(): number {
    return this.#held.size
  }

  /** The value, which counts as used now. */
  get(key: string): Value | undefined {
    const held = this.#held.get(key)
    if (held === undefined) return undefined
    this.#held.delete(key)
    this.#held.set(key, held)
    return held.value
  }

  /**
   * Puts a value in the place of the key's former one. One that alone exceeds the bound is not kept, nor is the former.
   *
   * @param bytes - what the value takes with its key
   * @returns how many others had to go
   */
  set(key: string, value: Value, bytes: number): number {
    this.delete(key)
    if (bytes > this.#maxBytes) return 0
    let evictions = 0
    for (const oldest of this.#held.keys()) {
      if (this.#bytes + bytes <= this.#maxBytes) break
      this.delete(oldest)
      evictions++
    }
    this.#held.set(key, { value, bytes })
    this.#bytes += bytes
    return evictions
  }

  delete(key: string): void {
    this.#bytes -= this.#held.get(key)?.bytes ?? 0
    this.#held.delete(key)
  }
}
