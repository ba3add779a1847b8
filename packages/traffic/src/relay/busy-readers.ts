/** A connection that reads into a buffer of its own. */
export interface BusyReader {
  /** Read of it so far. */
  readonly bytes: number
  /** Gives the buffer back, unless its bytes are still being written; then it is asked again. */
  rest(): void
}

/** Silent for one to two of it, a connection has no buffer of its own any more. */
const LOOK_MS = 10_000

/** Who has a buffer of its own; takes it from those that fell silent with their last read a big one. */
export class BusyReaders {
  readonly #seenBytes = new Map<BusyReader, number>()
  #timer: NodeJS.Timeout | undefined

  get size(): number {
    return this.#seenBytes.size
  }

  add(reader: BusyReader): void {
    this.#seenBytes.set(reader, reader.bytes)
    this.#timer ??= setTimeout(() => this.#look(), LOOK_MS).unref()
  }

  delete(reader: BusyReader): void {
    this.#seenBytes.delete(reader)
  }

  #look(): void {
    this.#timer = undefined
    for (const [reader, seenBytes] of [...this.#seenBytes]) {
      if (reader.bytes === seenBytes) reader.rest()
      else this.#seenBytes.set(reader, reader.bytes)
    }
    if (this.size > 0) this.#timer = setTimeout(() => this.#look(), LOOK_MS).unref()
  }
}
