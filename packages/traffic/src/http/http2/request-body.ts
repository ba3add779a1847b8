import type { ClientHttp2Stream, ServerHttp2Stream } from 'node:http2'
import { type Fields, type Headers, type Trailers, trailersOf } from './message-fields.ts'
import { sendTrailers } from './send-trailers.ts'

/** What of a body is kept for another try. Only what surely reached nobody is sent again, which is seldom. */
const MAX_KEPT_BYTES = 65_536

/**
 * The body of a request, on its way from the client to the endpoint of the current try. A stopped endpoint stops the client.
 *
 * HOT PATH: a chunk is passed on as it is.
 */
export class RequestBody {
  /** Of payload, from the client. */
  bytes = 0
  readonly #client: ServerHttp2Stream
  #upstream: ClientHttp2Stream | undefined
  #hasBegun = false
  #kept: Buffer[] | undefined = []
  #hasEnded = false
  #isDropped = false
  #trailers: Trailers = {}

  constructor(client: ServerHttp2Stream) {
    this.#client = client
    client.on('trailers', (headers: Headers, _flags: number, fields: Fields) => {
      this.#trailers = trailersOf(fields, headers)
    })
  }

  /** All of it so far can be sent once more. */
  get isReplayable(): boolean {
    return this.#kept !== undefined
  }

  /** The client has sent all of it. */
  get isComplete(): boolean {
    return this.#hasEnded || this.#client.destroyed || this.#client.state.remoteClose === 1
  }

  /** From its beginning, for which it must be replayable unless this is the first time. */
  sendTo(upstream: ClientHttp2Stream): void {
    this.#upstream = upstream
    upstream.on('drain', () => {
      if (this.#upstream === upstream) this.#client.resume()
    })
    upstream.on('wantTrailers', () => sendTrailers(upstream, this.#trailers))
    if (this.#hasBegun) this.#replay(upstream)
    else this.#begin()
  }

  /** The current try is over; nothing more is read until there is another one. */
  detach(): void {
    if (this.#upstream === undefined) return
    this.#upstream = undefined
    this.#client.pause()
  }

  /** There will be no other try. */
  keepNoMore(): void {
    this.#kept = undefined
  }

  /** What still comes is of no use to anybody: it is read, so that the stream can end. */
  drop(): void {
    this.#isDropped = true
    this.#kept = undefined
    this.#upstream = undefined
    this.#client.resume()
  }

  #begin(): void {
    const client = this.#client
    this.#hasBegun = true
    client.on('end', () => {
      // A client that resets its stream with NO_ERROR has not ended its body, though node:http2 says so.
      if (client.aborted || client.destroyed) return
      this.#hasEnded = true
      this.#upstream?.end()
    })
    client.on('data', (chunk: Buffer) => this.#pass(chunk))
  }

  #pass(chunk: Buffer): void {
    if (this.#isDropped) return
    this.bytes += chunk.length
    if (this.#kept !== undefined) this.#keep(chunk)
    if (this.#upstream?.write(chunk) !== true) this.#client.pause()
  }

  #keep(chunk: Buffer): void {
    if (this.bytes > MAX_KEPT_BYTES) this.#kept = undefined
    else this.#kept?.push(chunk)
  }

  #replay(upstream: ClientHttp2Stream): void {
    let isFlowing = true
    for (const chunk of this.#kept ?? []) isFlowing = upstream.write(chunk)
    if (this.#hasEnded) upstream.end()
    else if (isFlowing) this.#client.resume()
  }
}
