import { type BodyFraming, NO_BODY } from './body-framing.ts'
import { CR, LF } from './char-classes.ts'
import { ChunkLine } from './chunk-line.ts'
import { TrailerLines } from './trailer-lines.ts'

type Part = 'line' | 'data' | 'data-end' | 'trailers'

/**
 * Follows a body through the bytes of a connection (RFC 9112, 6 and 7.1), however they are cut; keeps counters, and of a trailer the
 * beginning of its name.
 */
export class BodyReader {
  isComplete = true
  problem: string | undefined
  #framing: BodyFraming = NO_BODY
  /** Of the body by its length, or of the current chunk. */
  #bytesLeft = 0
  #part: Part = 'line'
  #isAfterCr = false
  readonly #line = new ChunkLine()
  readonly #trailers = new TrailerLines()

  /** Of the next message; what was known of the one before is forgotten. */
  begin(framing: BodyFraming): void {
    this.#framing = framing
    this.isComplete = framing.kind === 'none'
    this.problem = undefined
    this.#bytesLeft = framing.kind === 'length' ? framing.bytes : 0
    this.#part = 'line'
    this.#isAfterCr = false
    this.#line.begin()
  }

  /**
   * @param from - index of the next byte of the body, or of what comes after it
   * @returns index after the last byte of the body in `bytes`, `bytes.length` where it goes on, -1 where it is malformed
   */
  advance(bytes: Buffer, from: number): number {
    return this.#advance(bytes, from, undefined)
  }

  /**
   * The same, for clients of HTTP/1.0, which know no chunks.
   *
   * @param data - called with each piece of content, a view of `bytes`
   */
  advanceContent(bytes: Buffer, from: number, data: (piece: Buffer) => void): number {
    return this.#advance(bytes, from, data)
  }

  #advance(bytes: Buffer, from: number, data: ((piece: Buffer) => void) | undefined): number {
    if (this.problem !== undefined) return -1
    if (this.isComplete) return from
    if (this.#framing.kind === 'chunked') return this.#advanceChunks(bytes, from, data)
    const end = this.#framing.kind === 'length' ? this.#takeLength(bytes, from) : bytes.length
    if (data !== undefined && end > from) data(bytes.subarray(from, end))
    return end
  }

  #takeLength(bytes: Buffer, from: number): number {
    const taken = Math.min(this.#bytesLeft, bytes.length - from)
    this.#bytesLeft -= taken
    this.isComplete = this.#bytesLeft === 0
    return from + taken
  }

  #advanceChunks(bytes: Buffer, from: number, data: ((piece: Buffer) => void) | undefined): number {
    let at = from
    while (at < bytes.length && !this.isComplete) {
      if (this.#part !== 'data') at = this.#takeByte(bytes, at)
      else at = this.#takeChunk(bytes, at, data)
      if (at === -1) return -1
    }
    return at
  }

  #takeChunk(bytes: Buffer, from: number, data: ((piece: Buffer) => void) | undefined): number {
    const taken = Math.min(this.#bytesLeft, bytes.length - from)
    this.#bytesLeft -= taken
    if (this.#bytesLeft === 0) this.#part = 'data-end'
    if (data !== undefined) data(bytes.subarray(from, from + taken))
    return from + taken
  }

  #takeByte(bytes: Buffer, at: number): number {
    const byte = bytes[at] ?? 0
    if (this.#part === 'line') this.#takeLineByte(byte)
    else if (this.#part === 'trailers') this.#takeTrailerByte(byte)
    else this.#takeDataEnd(byte)
    return this.problem === undefined ? at + 1 : -1
  }

  #takeLineByte(byte: number): void {
    const line = this.#line
    line.take(byte)
    this.problem = line.problem
    if (!line.isOver) return
    this.#bytesLeft = line.size
    this.#part = line.size === 0 ? 'trailers' : 'data'
    if (line.size === 0) this.#trailers.begin()
  }

  #takeTrailerByte(byte: number): void {
    this.#trailers.take(byte)
    this.problem = this.#trailers.problem
    this.isComplete = this.#trailers.isOver
  }

  #takeDataEnd(byte: number): void {
    if (byte !== (this.#isAfterCr ? LF : CR)) {
      this.problem = 'A chunk does not end where its size says.'
      return
    }
    this.#isAfterCr = !this.#isAfterCr
    if (this.#isAfterCr) return
    this.#part = 'line'
    this.#line.begin()
  }
}
