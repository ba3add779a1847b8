import { CR, LF, VALUE } from './char-classes.ts'

/** As many as 2^64 needs, though no size above 2^53-1 is taken. */
const MAX_DIGITS = 16
const MAX_EXTENSION_BYTES = 1_024
const SEMICOLON = 0x3b
const QUOTE = 0x22
const BACKSLASH = 0x5c
const NO_DIGIT = 0xff

const HEX = Uint8Array.from({ length: 256 }, (_, code) => {
  const digit = '0123456789abcdef'.indexOf(String.fromCharCode(code).toLowerCase())
  return digit === -1 ? NO_DIGIT : digit
})

type Place = 'size' | 'extension' | 'line-end' | 'over'

/** Reads the line before a chunk, byte by byte: its size and extensions nobody minds (RFC 9112, 7.1). */
export class ChunkLine {
  problem: string | undefined
  /** Bytes of the chunk, once the line is over; 0 for the last chunk. */
  size = 0
  #place: Place = 'size'
  #digits = 0
  #extension = 0
  #isQuoted = false
  #isEscaped = false

  get isOver(): boolean {
    return this.#place === 'over'
  }

  begin(): void {
    this.problem = undefined
    this.size = 0
    this.#place = 'size'
    this.#digits = 0
    this.#extension = 0
    this.#isQuoted = false
    this.#isEscaped = false
  }

  take(byte: number): void {
    if (this.#place === 'size') this.#continueSize(byte)
    else if (this.#place === 'extension') this.#continueExtension(byte)
    else if (byte === LF) this.#place = 'over'
    else this.problem = 'The line of a chunk size has a CR without LF.'
  }

  #continueSize(byte: number): void {
    const digit = HEX[byte] ?? NO_DIGIT
    if (digit !== NO_DIGIT) this.#addDigit(digit)
    else if (this.#digits === 0) this.problem = 'A chunk has no size.'
    else if (byte === CR) this.#place = 'line-end'
    else if (byte === SEMICOLON) this.#place = 'extension'
    else this.problem = 'A chunk size is malformed.'
  }

  #addDigit(digit: number): void {
    this.#digits++
    this.size = this.size * 16 + digit
    if (this.#digits > MAX_DIGITS || this.size > Number.MAX_SAFE_INTEGER) {
      this.problem = 'A chunk size is too large.'
    }
  }

  #continueExtension(byte: number): void {
    this.#extension++
    if (byte === CR) this.#endExtension()
    else if (VALUE[byte] !== 1) this.problem = 'A chunk extension has a control character.'
    else if (this.#extension > MAX_EXTENSION_BYTES) {
      this.problem = `The extensions of a chunk have more than ${MAX_EXTENSION_BYTES} bytes.`
    } else this.#followQuotes(byte)
  }

  /** Who goes by quotes would not take the end of the line for one within them. */
  #endExtension(): void {
    if (this.#isQuoted) this.problem = 'A chunk extension has a quote that does not end.'
    this.#place = 'line-end'
  }

  #followQuotes(byte: number): void {
    if (this.#isEscaped) this.#isEscaped = false
    else if (byte === BACKSLASH) this.#isEscaped = this.#isQuoted
    else if (byte === QUOTE) this.#isQuoted = !this.#isQuoted
  }
}
