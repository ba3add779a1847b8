/** Longer views are made anew each time: what they are for costs more than they do. */
const LONGEST_KEPT = 2_048

/**
 * A buffer, and views of its beginning. To make a view costs as much as to parse a short line, so that those of short messages
 * are kept: messages of one length come again and again.
 */
export class ViewedBuffer {
  readonly whole: Buffer
  readonly #views: (Buffer | undefined)[] = Array.from<undefined>({ length: LONGEST_KEPT + 1 })

  constructor(whole: Buffer) {
    this.whole = whole
  }

  first(bytes: number): Buffer {
    if (bytes === this.whole.length) return this.whole
    if (bytes > LONGEST_KEPT) return this.whole.subarray(0, bytes)
    const known = this.#views[bytes]
    if (known !== undefined) return known
    const view = this.whole.subarray(0, bytes)
    this.#views[bytes] = view
    return view
  }
}
