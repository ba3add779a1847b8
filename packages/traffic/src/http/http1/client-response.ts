import { errorResponse } from '../message/error-response.ts'
import type { HeadProblem } from '../message/head-problem.ts'
import { outgoingResponse } from '../message/outgoing-response.ts'
import type { RequestHead } from '../message/request-head.ts'
import type { ResponseHead } from '../message/response-head.ts'
import { wantsPipe } from './pipe.ts'

/** Where a response goes. */
export interface ResponseSink {
  /** @returns false: no more should come before it has drained */
  write(bytes: Buffer): boolean
  writeText(text: string): boolean
  /** What is written in this turn leaves together, with the end of the connection where that follows. */
  gather(): void
}

/** A response's head as it came from an endpoint. */
export interface ReceivedHead {
  readonly head: ResponseHead
  /** The head, `headBytes` of them, and what of the body came with it. */
  readonly bytes: Buffer
  readonly headBytes: number
}

/** A head and what came with it of its body go out by one write where they are not bigger than that. */
const ONE_WRITE_BYTES = 16 * 1024

/**
 * What a client gets in answer to one request: an endpoint's response, or a sentence of our own.
 *
 * HOT PATH: one write for a response that comes in one piece, and no copy of it where its head can stay as it is.
 */
export class ClientResponse {
  /** `undefined` as long as nothing of it was sent; interim responses don't count. */
  status: number | undefined
  /** The client's connection ends with it. */
  closes = false
  /** Written so far. */
  bytes = 0
  readonly #request: RequestHead
  readonly #sink: ResponseSink

  constructor(request: RequestHead, sink: ResponseSink) {
    this.#request = request
    this.#sink = sink
  }

  get hasBegun(): boolean {
    return this.status !== undefined
  }

  /** HTTP/1.0 knows none. */
  interim(head: ResponseHead): void {
    if (this.#request.minor === 1) this.#sink.writeText(head.text)
  }

  /**
   * Passes an endpoint's head on.
   *
   * @param o - `closes`: the client's connection is to end with it, whatever its framing; `cookie`: value of `Set-Cookie`
   * @returns false where no more should come before the client has drained; a problem where nothing was sent
   */
  begin(
    received: ReceivedHead,
    { closes, cookie }: { readonly closes: boolean; readonly cookie: string | undefined },
  ): boolean | HeadProblem {
    const { head } = received
    const { minor } = this.#request
    const dropsChunked = minor === 0 && head.framing.kind === 'chunked'
    this.closes = closes || dropsChunked || head.framing.kind === 'until-close'
    const text = outgoingResponse(head, {
      clientMinor: minor,
      connection: this.closes ? 'close' : 'keep-alive',
      extraLines: cookie === undefined ? '' : `Set-Cookie: ${cookie}\r\n`,
      dropsChunked,
    })
    if (typeof text !== 'string') return text
    this.status = head.status
    if (this.closes) this.#sink.gather()
    return this.#write(text, received)
  }

  body(bytes: Buffer): boolean {
    this.bytes += bytes.length
    return this.#sink.write(bytes)
  }

  /** Passes 101 on, where the client has asked for the protocol that the endpoint switches to. */
  switch(head: ResponseHead): boolean {
    const { upgrade } = head
    if (upgrade === undefined || !wantsPipe(this.#request, upgrade)) return false
    const text = outgoingResponse(head, {
      clientMinor: 1,
      connection: 'upgrade',
      extraLines: '',
      dropsChunked: false,
    })
    if (typeof text !== 'string') return false
    this.status = head.status
    this.#writeText(text)
    return true
  }

  /** A response of our own. */
  refuse(status: number, sentence: string, closes: boolean): void {
    const { method, minor } = this.#request
    this.status = status
    this.closes = closes
    if (closes) this.#sink.gather()
    this.#writeText(errorResponse(status, sentence, { closes, method, minor }))
  }

  #write(text: string, { head, bytes, headBytes }: ReceivedHead): boolean {
    if (text === head.text) return this.body(bytes)
    if (bytes.length === headBytes) return this.#writeText(text)
    if (bytes.length <= ONE_WRITE_BYTES)
      return this.#writeText(text + bytes.toString('latin1', headBytes, bytes.length))
    this.#writeText(text)
    return this.body(bytes.subarray(headBytes))
  }

  #writeText(text: string): boolean {
    this.bytes += text.length
    return this.#sink.writeText(text)
  }
}
