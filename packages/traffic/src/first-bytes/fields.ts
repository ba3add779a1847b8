/** Reads the presentation language of TLS (RFC 8446, 3): numbers, and blocks behind their length. Never throws. */
export class Fields {
  readonly #bytes: Buffer
  #at = 0
  #isOverrun = false

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  /** More was asked for than there is; what was read from there on means nothing. */
  get isOverrun(): boolean {
    return this.#isOverrun
  }

  get isAtEnd(): boolean {
    return this.#isOverrun || this.#at === this.#bytes.length
  }

  skip(bytes: number): void {
    this.#take(bytes)
  }

  /** Big endian, of 1 to 3 bytes. */
  number(bytes: number): number {
    const taken = this.#take(bytes)
    return taken.length === 0 ? 0 : taken.readUIntBE(0, bytes)
  }

  /** @param lengthBytes - 1 to 3 */
  block(lengthBytes: number): Buffer {
    return this.#take(this.number(lengthBytes))
  }

  #take(bytes: number): Buffer {
    const from = this.#at
    if (this.#isOverrun || bytes > this.#bytes.length - from) {
      this.#isOverrun = true
      return this.#bytes.subarray(0, 0)
    }
    this.#at = from + bytes
    return this.#bytes.subarray(from, this.#at)
  }
}
