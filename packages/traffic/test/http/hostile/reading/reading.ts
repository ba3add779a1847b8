/** A request as a reader of a connection makes it out. */
export interface SeenRequest {
  /** Method and target. */
  readonly line: string
  /** Its body was there to the end. */
  readonly isComplete: boolean
}

export interface Reading {
  readonly requests: readonly SeenRequest[]
  /**
   * How it ended: after a request; within one, so that more is waited for; or at something that this reader does not take, and
   * answers by closing the connection.
   */
  readonly end: 'clean' | 'waiting' | 'refused'
}

/** What a reader sees in all that came on a connection, in pieces as it came. */
export type Reader = (pieces: readonly Buffer[]) => Reading | Promise<Reading>

/** Goes through a text by lines and by counts. */
export class Cursor {
  at = 0
  readonly text: string
  readonly #lineEnd: LineEnd

  constructor(text: string, lineEnd: LineEnd) {
    this.text = text
    this.#lineEnd = lineEnd
  }

  get isAtEnd(): boolean {
    return this.at >= this.text.length
  }

  /** The next line without its end; `undefined` where it does not end. */
  line(): string | undefined {
    const { start, length } = this.#nextLineEnd()
    if (start < 0) return undefined
    const line = this.text.slice(this.at, start)
    this.at = start + length
    return this.#lineEnd === 'lf' && line.endsWith('\r') ? line.slice(0, -1) : line
  }

  /** @returns whether there were so many */
  skip(count: number): boolean {
    this.at = Math.min(this.at + count, this.text.length)
    return !this.isAtEnd || count === 0
  }

  #nextLineEnd(): { readonly start: number; readonly length: number } {
    if (this.#lineEnd === 'crlf') return { start: this.text.indexOf('\r\n', this.at), length: 2 }
    const lf = this.text.indexOf('\n', this.at)
    if (this.#lineEnd === 'lf') return { start: lf, length: 1 }
    const cr = this.text.indexOf('\r', this.at)
    if (cr < 0 || (lf >= 0 && lf < cr)) return { start: lf, length: 1 }
    return { start: cr, length: lf === cr + 1 ? 2 : 1 }
  }
}

/** What ends a line: CRLF only, LF with or without CR, or either of the two. */
export type LineEnd = 'crlf' | 'lf' | 'any'
