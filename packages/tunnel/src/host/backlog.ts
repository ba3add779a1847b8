import { SLOWEST_BYTES_PER_MS } from './patience.ts'

/**
 * Of what was sent on a connection, what may not have arrived yet. Less with time, as on the slowest link that has to do; and an
 * answer says that all has arrived which was sent before its question. Times in ms.
 */
export class Backlog {
  #bytes = 0
  #at = 0
  /** What was sent since the open question was asked. */
  #sinceAsked = 0

  add(bytes: number, now: number): void {
    this.#bytes = this.bytes(now) + bytes
    this.#at = now
    this.#sinceAsked += bytes
  }

  asked(): void {
    this.#sinceAsked = 0
  }

  answered(): void {
    this.#bytes = Math.min(this.#bytes, this.#sinceAsked)
  }

  bytes(now: number): number {
    return Math.max(0, this.#bytes - (now - this.#at) * SLOWEST_BYTES_PER_MS)
  }
}
