const NONE: ReadonlySet<never> = new Set()

/** Values of which each has one owner at most. To find a free one costs the same however many are taken. */
export class ValuePool<Value> {
  readonly #owners = new Map<Value, string>()
  /** The part of the range that nobody has looked at yet. */
  readonly #fresh: Iterator<Value, unknown>
  readonly #seen = new Set<Value>()
  /** What was seen and is free. */
  readonly #spare = new Set<Value>()

  /** @param range - the values to choose from; others can be taken, but are never chosen */
  constructor(range: Iterable<Value>) {
    this.#fresh = range[Symbol.iterator]()
  }

  ownerOf(value: Value): string | undefined {
    return this.#owners.get(value)
  }

  /** A value that is free and stays so until it is taken; `undefined` when there is none. */
  free(except: ReadonlySet<unknown> = NONE): Value | undefined {
    for (const value of this.#spare) if (!except.has(value)) return value
    for (let next = this.#fresh.next(); next.done !== true; next = this.#fresh.next()) {
      this.#seen.add(next.value)
      if (this.#owners.has(next.value)) continue
      this.#spare.add(next.value)
      if (!except.has(next.value)) return next.value
    }
    return undefined
  }

  take(value: Value, owner: string): void {
    this.#owners.set(value, owner)
    this.#spare.delete(value)
  }

  /** Does nothing when the value is somebody else's. */
  release(value: Value, owner: string): void {
    if (this.#owners.get(value) !== owner) return
    this.#owners.delete(value)
    if (this.#seen.has(value)) this.#spare.add(value)
  }
}
