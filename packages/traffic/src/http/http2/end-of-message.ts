import type { Http2Stream } from 'node:http2'

/**
 * Whether the other side has ended its message. node:http2 emits `end` for a stream that was reset with NO_ERROR, too: what was cut
 * off would look complete. Here the two are told apart by when the end is pushed: with END_STREAM the stream is not closed by then.
 */
export class EndOfMessage {
  /** END_STREAM has come; what was sent before it may still have to be read. */
  hasCome = false

  constructor(stream: Http2Stream) {
    const { push } = stream
    stream.push = (chunk: unknown, encoding?: BufferEncoding): boolean => {
      if (chunk === null && !stream.closed) this.hasCome = true
      return push.call(stream, chunk, encoding)
    }
  }
}
