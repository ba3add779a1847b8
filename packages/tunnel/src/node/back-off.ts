const FIRST_MS = 200
const MAX_MS = 5_000

/**
 * How long to wait before the next attempt: 0.2 s, doubled up to 5 s, less up to half by chance, so that the agents of
 * a restarted server don't come all at once.
 */
export class BackOff {
  #nextMs = FIRST_MS

  next(): number {
    const delayMs = this.#nextMs
    this.#nextMs = Math.min(delayMs * 2, MAX_MS)
    return delayMs * (0.5 + Math.random() / 2)
  }

  reset(): void {
    this.#nextMs = FIRST_MS
  }
}
