import { COLON, CR, LF, LOWER, TOKEN, VALUE } from './char-classes.ts'

/** Of one body, with their line ends. */
const MAX_BYTES = 16_384
const MAX_LINES = 100

/** Fields that say how a message is framed, routed, authorized or read, and so must come before the content (RFC 9110, 6.5.1). */
const FORBIDDEN: ReadonlySet<string> = new Set([
  ...[
    'transfer-encoding',
    'content-length',
    'host',
    'connection',
    'te',
    'upgrade',
    'trailer',
    'authorization',
  ],
  ...['cookie', 'set-cookie', 'expect', 'content-encoding', 'content-type', 'content-range', 'max-forwards'],
  ...['x-forwarded-for', 'forwarded'],
])
const LONGEST_FORBIDDEN = Math.max(...Array.from(FORBIDDEN, (name) => name.length))

type Place = 'line' | 'name' | 'value' | 'line-end' | 'last-line-end' | 'over'

/** Checks the trailer fields of a chunked body byte by byte, to the empty line after them (RFC 9112, 7.1.2). */
export class TrailerLines {
  problem: string | undefined
  #place: Place = 'line'
  #bytes = 0
  #lines = 0
  /** As much of the current line's name as a forbidden one could have, in lower case. */
  #name = ''
  #nameLength = 0

  get isOver(): boolean {
    return this.#place === 'over'
  }

  begin(): void {
    this.problem = undefined
    this.#place = 'line'
    this.#bytes = 0
    this.#lines = 0
  }

  take(byte: number): void {
    this.#bytes++
    if (this.#bytes > MAX_BYTES) this.problem = `The trailers have more than ${MAX_BYTES} bytes.`
    else this.#step(byte)
  }

  #step(byte: number): void {
    const place = this.#place
    if (place === 'value') this.#continueValue(byte)
    else if (place === 'name') this.#continueName(byte)
    else if (place === 'line') this.#beginLine(byte)
    else this.#endLine(byte)
  }

  #beginLine(byte: number): void {
    if (byte === CR) {
      this.#place = 'last-line-end'
      return
    }
    this.#lines++
    if (this.#lines > MAX_LINES) this.problem = `There are more than ${MAX_LINES} trailers.`
    this.#name = ''
    this.#nameLength = 0
    this.#place = 'name'
    this.#continueName(byte)
  }

  #continueName(byte: number): void {
    if (byte === COLON && this.#nameLength > 0) this.#endName()
    else if (TOKEN[byte] !== 1) this.problem = 'The name of a trailer is malformed.'
    else if (this.#nameLength++ <= LONGEST_FORBIDDEN) this.#name += String.fromCharCode(LOWER[byte] ?? 0)
  }

  #endName(): void {
    this.#place = 'value'
    if (FORBIDDEN.has(this.#name)) this.problem = `The field ${this.#name} must not be a trailer.`
  }

  #continueValue(byte: number): void {
    if (byte === CR) this.#place = 'line-end'
    else if (VALUE[byte] !== 1) this.problem = 'The value of a trailer has a control character.'
  }

  #endLine(byte: number): void {
    if (byte !== LF) this.problem = 'The line of a trailer has a CR without LF.'
    else this.#place = this.#place === 'last-line-end' ? 'over' : 'line'
  }
}
