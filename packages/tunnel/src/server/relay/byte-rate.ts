/**
 * How long to wait so that a rate is kept. Bytes are taken first and waited for afterwards: whoever takes them is a reader
 * that stops reading, so nothing is ever dropped. Several readers may share one: each waits for what was taken before
 * its own bytes and for those, so they get equal shares.
 *
 * @see ITU-T I.371, "virtual scheduling" (GCRA): a token bucket as one point in time
 */
export class ByteRate {
  readonly #msPerByte: number
  readonly #burstMs: number
  readonly #now: () => number
  /** When all that was taken is paid for. */
  #paidAt = Number.NEGATIVE_INFINITY

  /**
   * @param burstMs - what may be taken at once after a pause, as the time that it is worth
   * @param now - milliseconds of a clock that never goes back
   */
  constructor(bitsPerSecond: number, burstMs: number, now: () => number = () => performance.now()) {
    this.#msPerByte = 8_000 / bitsPerSecond
    this.#burstMs = burstMs
    this.#now = now
  }

  /** @returns for how many milliseconds nothing more may be taken by who took these bytes */
  take(bytes: number): number {
    const now = this.#now()
    this.#paidAt = Math.max(this.#paidAt, now) + bytes * this.#msPerByte
    return Math.max(0, this.#paidAt - now - this.#burstMs)
  }
}
