import { createHash } from 'node:crypto'
import { type Duplex, Readable } from 'node:stream'

const CHUNK_BYTES = 64 * 1024

/** Bytes that differ from chunk to chunk, and whose digest is known once all were read. */
export class Bulk extends Readable {
  /** Bytes that somebody took so far. */
  taken = 0
  readonly #hash = createHash('sha256')
  readonly #total: number

  constructor(total: number) {
    super()
    this.#total = total
  }

  digest(): string {
    return this.#hash.digest('hex')
  }

  override _read(): void {
    const length = Math.min(CHUNK_BYTES, this.#total - this.taken)
    if (length <= 0) {
      this.push(null)
      return
    }
    const chunk = Buffer.alloc(length, `${this.taken}|`)
    this.taken += length
    this.#hash.update(chunk)
    this.push(chunk)
  }
}

/** Reads a stream to its end. */
export async function digestOf(stream: Duplex): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of stream) hash.update(chunk)
  return hash.digest('hex')
}
