const SLOTS = 10
const SLOT_MS = 1_000

/** Responses of the latest 10 s, and how many of them were errors, to a second. Keeps a few numbers, whatever is told. */
export class RecentStatuses {
  readonly #responses = new Uint32Array(SLOTS)
  readonly #errors = new Uint32Array(SLOTS)
  /** The slot that time is in now, counted from the clock's beginning. */
  #latest = 0

  /** @param now - in milliseconds of a clock that never goes back */
  note(isError: boolean, now: number): void {
    this.#passTo(Math.floor(now / SLOT_MS))
    const slot = this.#latest % SLOTS
    this.#responses[slot] = (this.#responses[slot] ?? 0) + 1
    if (isError) this.#errors[slot] = (this.#errors[slot] ?? 0) + 1
  }

  /** Up to the latest that was noted. */
  get responses(): number {
    return sumOf(this.#responses)
  }

  get errors(): number {
    return sumOf(this.#errors)
  }

  clear(): void {
    this.#responses.fill(0)
    this.#errors.fill(0)
  }

  #passTo(slot: number): void {
    if (slot - this.#latest >= SLOTS) this.clear()
    else
      for (let passed = this.#latest + 1; passed <= slot; passed++) {
        this.#responses[passed % SLOTS] = 0
        this.#errors[passed % SLOTS] = 0
      }
    this.#latest = slot
  }
}

function sumOf(counts: Uint32Array): number {
  let sum = 0
  for (const count of counts) sum += count
  return sum
}
