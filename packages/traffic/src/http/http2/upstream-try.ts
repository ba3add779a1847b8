import { type ClientHttp2Stream, constants } from 'node:http2'
import type { Fields, Headers } from './message-fields.ts'
import { resetStream } from './reset-stream.ts'
import type { UpstreamSession } from './upstream-session.ts'

/** What one try tells of its response. Nothing more comes once it was cancelled. */
export interface TryEvents {
  /** An interim response, 1xx. */
  onInterim(headers: Headers, fields: Fields): void
  onHead(head: ResponseHead): void
  /** Nothing comes any more. */
  onTryClosed(): void
}

/** The head of a final response. */
export interface ResponseHead {
  readonly headers: Headers
  /** Its own: they become those for the client. */
  readonly fields: Fields
  /** Nothing follows. */
  readonly isWhole: boolean
}

export interface TryRequest {
  readonly fields: Fields
  readonly hasBody: boolean
  readonly mayHaveTrailers: boolean
}

/** One try of a request: its stream in a session with an endpoint. */
export class UpstreamTry {
  readonly session: UpstreamSession
  readonly stream: ClientHttp2Stream
  #isCancelled = false
  readonly #heardBefore: number

  /** @throws {Error} where the fields are not well-formed */
  constructor(session: UpstreamSession, { fields, hasBody, mayHaveTrailers }: TryRequest, events: TryEvents) {
    this.session = session
    this.#heardBefore = session.heard
    const stream = session.request(fields, { endStream: !hasBody, waitForTrailers: mayHaveTrailers })
    this.stream = stream
    stream.on('headers', (headers: Headers, _flags: number, raw: Fields) => {
      if (!this.#isCancelled) events.onInterim(headers, raw)
    })
    stream.once('response', (headers: Headers, flags: number, raw: Fields) => {
      session.heard++
      const isWhole = (flags & constants.NGHTTP2_FLAG_END_STREAM) !== 0
      if (!this.#isCancelled) events.onHead({ headers, fields: raw, isWhole })
    })
    // `close` comes after it and says as much.
    stream.on('error', () => {})
    stream.once('close', () => {
      if (!this.#isCancelled) events.onTryClosed()
    })
  }

  /** Of a try that closed without a response. */
  get failure(): 'unsent' | 'reset' {
    return this.session.failureOf(this.stream)
  }

  /** The code with which the endpoint reset the stream; `undefined`: it is the connection that broke. */
  get resetCode(): number | undefined {
    const { rstCode } = this.stream
    return this.session.isGone || rstCode === constants.NGHTTP2_NO_ERROR ? undefined : rstCode
  }

  /** The endpoint was silent for too long. A session that has said nothing at all meanwhile gets no new streams. */
  timedOut(): void {
    if (this.session.heard === this.#heardBefore) this.session.retire()
  }

  /** Nobody wants the response, or the rest of it, any more. */
  cancel(code: number = constants.NGHTTP2_CANCEL): void {
    if (this.#isCancelled) return
    this.#isCancelled = true
    resetStream(this.stream, code)
    // What was read already must go before the stream can.
    this.stream.resume()
  }
}
