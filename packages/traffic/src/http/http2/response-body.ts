import { constants, type ServerHttp2Stream } from 'node:http2'
import { type Fields, fieldIn, type Headers, isGrpc, type Trailers, trailersOf } from './message-fields.ts'
import { grpcTrailers } from './own-response.ts'
import type { Refusal } from './refusals.ts'
import { sendTrailers } from './send-trailers.ts'
import type { UpstreamTry } from './upstream-try.ts'

/**
 * The body of a response, and its trailers, on their way to the client. A stopped client stops the endpoint.
 *
 * HOT PATH: a chunk is passed on as it is.
 */
export class ResponseBody {
  /** Of payload, from the endpoint. */
  bytes = 0
  /** All of it went to the client. */
  isComplete = false
  grpcStatus: string | undefined
  readonly #client: ServerHttp2Stream
  readonly #hasTrailers: boolean
  readonly #isGrpc: boolean
  readonly #length: string | undefined
  #trailers: Trailers = {}
  #areTrailersSent = false
  #closesAfterwards = false

  constructor(client: ServerHttp2Stream, { stream, session }: UpstreamTry, headers: Headers) {
    this.#client = client
    this.#hasTrailers = mayHaveTrailers(headers)
    this.#isGrpc = isGrpc(headers)
    this.#length = headers['content-length']
    stream.on('data', (chunk: Buffer) => {
      this.bytes += chunk.length
      session.heard++
      // What can't be written any more is read nevertheless, so that the stream can end.
      if (client.writable && !client.write(chunk)) stream.pause()
    })
    client.on('drain', () => stream.resume())
    // Over a tunnel the whole response may come in one piece: node:http2 then destroys the stream by a listener that was there before.
    stream.prependListener('end', () => {
      if (!stream.destroyed && stream.rstCode === constants.NGHTTP2_NO_ERROR) this.#end()
    })
    if (!this.#hasTrailers) return
    stream.on('trailers', (headers: Headers, _flags: number, fields: Fields) => {
      this.#trailers = trailersOf(fields, headers)
      this.grpcStatus = fieldIn(headers, 'grpc-status')
    })
    client.on('wantTrailers', () => this.#sendTrailers())
  }

  /** The client is told to send no more of its request, once it has all of the response (RFC 9113, 8.1). */
  closeAfterwards(): void {
    if (this.#hasTrailers && !this.#areTrailersSent) this.#closesAfterwards = true
    else this.#client.close(constants.NGHTTP2_NO_ERROR)
  }

  /**
   * No more of it will come. A call of gRPC ends with the status that says so, as its library would without a proxy; of a reset it
   * would make INTERNAL or CANCELLED (PROTOCOL-HTTP2.md, `Errors`).
   *
   * @returns false: it is for a reset to tell the client
   */
  breakOff(why: Refusal): boolean {
    if (!this.#isGrpc || !this.#client.writable) return false
    const trailers = grpcTrailers(why)
    this.#trailers = trailers
    this.grpcStatus = trailers['grpc-status']
    this.#client.end()
    return true
  }

  /**
   * For node:http2 a response that was reset with NO_ERROR ends as one that is complete. Where there is a length, or gRPC's status
   * must follow, it can be told; what is too short stays open here until the stream closes.
   */
  #end(): void {
    if (this.#length !== undefined && Number(this.#length) !== this.bytes) return
    if (this.#isGrpc && this.grpcStatus === undefined) return
    if (!this.#client.writable) return
    this.isComplete = true
    this.#client.end()
  }

  #sendTrailers(): void {
    sendTrailers(this.#client, this.#trailers)
    this.#areTrailersSent = true
    // node:http2 sends them by setImmediate.
    if (this.#closesAfterwards) setImmediate(() => this.#client.close(constants.NGHTTP2_NO_ERROR))
  }
}

/**
 * Whether trailers may follow that body. A response with a length has none unless it says so, and needs one frame less; one of gRPC
 * ends with its status in any case.
 */
export function mayHaveTrailers(headers: Headers): boolean {
  return headers['content-length'] === undefined || headers['trailer'] !== undefined || isGrpc(headers)
}

/** RFC 9110, 15.3.5, 15.3.6 and 15.4.5. */
export function isWithoutContent(status: number): boolean {
  return status === 204 || status === 205 || status === 304
}
