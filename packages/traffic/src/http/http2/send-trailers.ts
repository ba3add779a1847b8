import { constants, type Http2Stream } from 'node:http2'
import type { Trailers } from './message-fields.ts'
import { resetStream } from './reset-stream.ts'

/** Never throws, since node:http2 asks for trailers by an event: what it does not take, though nghttp2 did, resets the stream. */
export function sendTrailers(stream: Http2Stream, trailers: Trailers): void {
  try {
    stream.sendTrailers(trailers)
  } catch {
    resetStream(stream, constants.NGHTTP2_INTERNAL_ERROR)
  }
}
