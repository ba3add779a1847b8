import type { Stream, StreamMessageEvent } from '@libp2p/interface'

type Bytes = StreamMessageEvent['data']

/**
 * Hands on the bytes of a libp2p stream at the pace of whoever takes them.
 *
 * The stream is paused after each delivery and resumed on the next turn of the event loop. Left running, yamux would
 * answer each frame with a window update of its size, and the sender each update with a frame of that size: frames only
 * get smaller, and a bulk flow ends in crumbs ("silly window"). Paused, many frames make one update.
 *
 * `pause()` inside `resume()`, which delivers what was buffered, would be undone by `resume()` itself: it waits. And
 * `resume()` is never called inside libp2p's own dispatch.
 */
export class PacedReader {
  readonly #stream: Stream
  readonly #take: (bytes: Bytes) => boolean
  #isScheduled = false
  #isResuming = false
  #gotBytes = false
  #wantsMore = false

  /**
   * Nothing is delivered before `more` is called.
   *
   * @param take - returns false to get nothing more until `more` is called
   */
  constructor(stream: Stream, take: (bytes: Bytes) => boolean) {
    this.#stream = stream
    this.#take = take
    this.#pause()
    stream.addEventListener('message', this.#onMessage)
  }

  /** Asks for the next bytes. */
  more(): void {
    if (this.#isScheduled) return
    this.#isScheduled = true
    setImmediate(() => this.#resume())
  }

  readonly #onMessage = ({ data }: StreamMessageEvent): void => {
    this.#wantsMore = this.#take(data)
    this.#gotBytes = true
    if (!this.#isResuming) this.#hold()
  }

  #hold(): void {
    this.#gotBytes = false
    this.#pause()
    if (this.#wantsMore) this.more()
  }

  #pause(): void {
    try {
      this.#stream.pause()
    } catch {
      // Closed for reading: nothing will come that could be paused.
    }
  }

  #resume(): void {
    this.#isScheduled = false
    this.#isResuming = true
    try {
      this.#stream.resume()
    } catch {
      // Closed for reading, or its connection is gone; what was buffered was delivered before it threw.
    }
    this.#isResuming = false
    if (this.#gotBytes) this.#hold()
  }
}

/** True when the other side's FIN came before anybody listened. The field is not in the interface, but in every stream. */
export function isRemoteFinished(stream: Stream): boolean {
  return 'remoteWriteStatus' in stream && stream.remoteWriteStatus === 'closed'
}
