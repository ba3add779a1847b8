import type { BusyReader, BusyReaders } from '../relay/busy-readers.ts'
import type { ReadBuffers } from '../relay/read-buffers.ts'

/** Reads at least this big are followed by others, as a rule. */
const BUSY_READ_BYTES = 16 * 1024

export interface ReadMemoryDeps {
  readonly buffers: ReadBuffers
  readonly busy: BusyReaders
}

/**
 * What a wire reads into: the buffer that all share, or one of its own while its reads are big. Who writes from the latter makes its
 * wire pause, so that it is given away only while the wire reads; otherwise it is left to the garbage collector.
 */
export class ReadMemory {
  readonly #reader: BusyReader
  readonly #deps: ReadMemoryDeps
  #own: Buffer | undefined

  constructor(reader: BusyReader, deps: ReadMemoryDeps) {
    this.#reader = reader
    this.#deps = deps
  }

  /** What a read of that many bytes has brought. */
  read(bytes: number): Buffer {
    if (this.#own === undefined) return this.#deps.buffers.firstOfShared(bytes)
    return bytes === this.#own.length ? this.#own : this.#own.subarray(0, bytes)
  }

  get isOwn(): boolean {
    return this.#own !== undefined
  }

  /** @returns what is read into from here on; `undefined`: the same */
  next(count: number, isReading: boolean): Buffer | undefined {
    const { buffers, busy } = this.#deps
    if (count < BUSY_READ_BYTES) return isReading && this.#own !== undefined ? this.giveBack() : undefined
    if (this.#own !== undefined) return undefined
    this.#own = buffers.take()
    busy.add(this.#reader)
    return this.#own
  }

  /** @returns what is to be read into instead */
  giveBack(): Buffer {
    const { buffers } = this.#deps
    if (this.#own !== undefined) buffers.give(this.#own)
    return this.forget()
  }

  /** Somebody may still write from it. */
  forget(): Buffer {
    if (this.#own !== undefined) this.#deps.busy.delete(this.#reader)
    this.#own = undefined
    return this.#deps.buffers.shared
  }
}
