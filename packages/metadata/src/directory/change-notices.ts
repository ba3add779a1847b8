/** Tells listeners what changed: at once, or once for all that changes within a batch. */
export class ChangeNotices<Name> {
  readonly #listeners = new Set<(changed: Name) => void>()
  #batch: Set<Name> | undefined

  watch(listener: (changed: Name) => void): Disposable {
    // Its own function: one listener may be given twice.
    const own = (changed: Name): void => listener(changed)
    this.#listeners.add(own)
    return { [Symbol.dispose]: () => void this.#listeners.delete(own) }
  }

  tell(changed: Iterable<Name>): void {
    if (this.#batch === undefined) this.#tellNow(new Set(changed))
    else for (const name of changed) this.#batch.add(name)
  }

  /** Does the work, and tells of each of its changes once, after all of them. */
  batch(work: () => void): void {
    if (this.#batch !== undefined) {
      work()
      return
    }
    const batch = new Set<Name>()
    this.#batch = batch
    try {
      work()
    } finally {
      this.#batch = undefined
      this.#tellNow(batch)
    }
  }

  #tellNow(changed: ReadonlySet<Name>): void {
    for (const name of changed) for (const listener of this.#listeners) listener(name)
  }
}
