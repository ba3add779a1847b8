/** A node's idea of the time. */
export interface Clock {
  /** Unix time in seconds. */
  now(): number
  /** Tells the clock of a time that a member of the cluster has signed: it is not earlier than that. */
  see(unixSeconds: number): void
}

/**
 * The machine's clock, but never before the newest time that was seen signed. Small nodes often have no battery for
 * theirs and boot in the past: certificates would all be "not yet valid" until NTP is reached.
 */
export class FlooredClock implements Clock {
  readonly #read: () => number
  #floor = 0

  /** @param read - the machine's clock, Unix time in milliseconds */
  constructor(read: () => number = Date.now) {
    this.#read = read
  }

  now(): number {
    return Math.max(Math.floor(this.#read() / 1_000), this.#floor)
  }

  see(unixSeconds: number): void {
    this.#floor = Math.max(this.#floor, unixSeconds)
  }
}
