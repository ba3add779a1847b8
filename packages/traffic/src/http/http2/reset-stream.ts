import type { Http2Stream } from 'node:http2'

/**
 * Resets a stream with that code. `close` alone would first end the writing, with END_STREAM: a message that was cut off would look
 * complete to the other side, and the code would not even be sent.
 */
export function resetStream(stream: Http2Stream, code: number): void {
  if (!stream.writableEnded) stream.end = () => stream
  stream.close(code)
}
