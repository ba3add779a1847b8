/** Of the latest requests, that many may be tried once more. */
const SHARE_OF_REQUESTS = 0.2
/** In each period, however few requests there are. */
const MIN_RETRIES = 10
const PERIOD_MS = 10_000
const SLOTS = 10
const SLOT_MS = PERIOD_MS / SLOTS

/**
 * How many requests of a ServicePort may be tried again: a fifth of those of the latest ten seconds, or ten where that is
 * less. Without such a limit retries would multiply the load of endpoints that fail because of it.
 *
 * Times are milliseconds of a clock that never goes back; the period moves on by whole seconds.
 *
 * @see Finagle, "Retry Budgets"; Google SRE book, chapter 22, "Deciding to Retry"
 */
export class RetryBudget {
  /** Per second of the period, at its number modulo `SLOTS`. */
  readonly #requests = new Float64Array(SLOTS)
  readonly #retries = new Float64Array(SLOTS)
  #slot = 0

  /** A request began; its retries are not to be told. */
  request(now: number): void {
    this.#moveTo(now)
    this.#add(this.#requests)
  }

  /** @returns whether one more retry may be made; it then counts as made */
  take(now: number): boolean {
    this.#moveTo(now)
    if (sum(this.#retries) >= Math.max(MIN_RETRIES, SHARE_OF_REQUESTS * sum(this.#requests))) return false
    this.#add(this.#retries)
    return true
  }

  #add(counts: Float64Array): void {
    const index = this.#slot % SLOTS
    counts[index] = (counts[index] ?? 0) + 1
  }

  #moveTo(now: number): void {
    const slot = Math.floor(now / SLOT_MS)
    if (slot <= this.#slot) return
    for (let past = Math.max(this.#slot + 1, slot - SLOTS + 1); past <= slot; past++) {
      this.#requests[past % SLOTS] = 0
      this.#retries[past % SLOTS] = 0
    }
    this.#slot = slot
  }
}

function sum(counts: Float64Array): number {
  let total = 0
  for (const count of counts) total += count
  return total
}
