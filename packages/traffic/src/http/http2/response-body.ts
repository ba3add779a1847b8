import { constants, type ServerHttp2Stream } from 'node:http2'
import { EndOfMessage } from './end-of-message.ts'
import { type Fields, fieldIn, type Headers, type Trailers, trailersOf } from './message-fields.ts'
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
  #trailers: Trailers = {}
  #areTrailersSent = false
  #closesAfterwards = false

  constructor(client: ServerHttp2Stream, { stream, session }: UpstreamTry, hasTrailers: boolean) {
    this.#client = client
    this.#hasTrailers = hasTrailers
    const end = new EndOfMessage(stream)
    stream.on('data', (chunk: Buffer) => {
      this.bytes += chunk.length
      session.heard++
      // What can't be written any more is read nevertheless, so that the stream can end.
      if (client.writable && !client.write(chunk)) stream.pause()
    })
    client.on('drain', () => stream.resume())
    stream.on('end', () => {
      if (end.hasCome && client.writable) this.#end()
    })
    if (!hasTrailers) return
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

  #end(): void {
    this.isComplete = true
    this.#client.end()
  }

  #sendTrailers(): void {
    this.#client.sendTrailers(this.#trailers)
    this.#areTrailersSent = true
    // node:http2 sends them by setImmediate.
    if (this.#closesAfterwards) setImmediate(() => this.#client.close(constants.NGHTTP2_NO_ERROR))
  }
}

/** Whether trailers may follow that body; a response with a length has none unless it says so, and needs one frame less. */
export function mayHaveTrailers(headers: Headers): boolean {
  return headers['content-length'] === undefined || headers['trailer'] !== undefined
}
