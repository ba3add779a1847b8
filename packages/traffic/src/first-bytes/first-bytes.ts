import type { Duplex } from 'node:stream'

/** What is told of a stream that is looked into; never from within the constructor. */
export interface FirstBytesEvents {
  /**
   * There is something new: bytes, or that no more will come.
   *
   * @param bytes - all that came so far; they stay in the stream
   */
  onBytes(bytes: Buffer, hasEnded: boolean): void
  /** The stream is dead. */
  onClosed(): void
}

const NOTHING = Buffer.alloc(0)

/** Looks at how a stream begins, and leaves the bytes in it for whoever takes it over: the first 64 KiB, or what it holds at most. */
export class FirstBytes implements Disposable {
  readonly #stream: Duplex
  readonly #events: FirstBytesEvents
  #isOver = false
  #seenBytes = 0
  #hasSeenEnd = false

  constructor(stream: Duplex, events: FirstBytesEvents) {
    this.#stream = stream
    this.#events = events
    stream.on('error', ignore).on('close', this.#onClose).on('end', this.#look).on('readable', this.#look)
    // These events may have been before; and of what is there nothing is told by `readable` in the turn in which another reader
    // of the stream has left.
    queueMicrotask(stream.closed ? this.#onClose : this.#look)
  }

  /** Something has come. */
  get hasSome(): boolean {
    return this.#seenBytes > 0
  }

  /** Looks no more. */
  [Symbol.dispose](): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#stream.off('close', this.#onClose).off('end', this.#look).off('readable', this.#look)
  }

  /** What is put back is told of as readable once more: only what is new counts. */
  readonly #look = (): void => {
    const stream = this.#stream
    if (this.#isOver || stream.destroyed) return
    const hasEnded = hasReadEnd(stream)
    const isNew = stream.readableLength > this.#seenBytes || hasEnded !== this.#hasSeenEnd
    if (!isNew) return
    this.#hasSeenEnd = hasEnded
    const bytes = this.#peek()
    this.#seenBytes = bytes.length
    this.#events.onBytes(bytes, hasEnded)
  }

  /** Within one turn of the event loop: a stream that is empty after its end would say that it has ended. */
  #peek(): Buffer {
    if (this.#stream.readableLength === 0) return NOTHING
    const bytes: unknown = this.#stream.read()
    if (!(bytes instanceof Buffer)) return NOTHING
    this.#stream.unshift(bytes)
    return bytes
  }

  readonly #onClose = (): void => {
    if (!this.#isOver) this.#events.onClosed()
  }
}

/**
 * Whether a stream has read its end, though bytes before it may still be in its buffer. Not public API of Node, but stable since
 * Node 0.10; `readableEnded` tells it only once those are gone.
 */
function hasReadEnd(stream: Duplex): boolean {
  const state: unknown = Reflect.get(stream, '_readableState')
  return typeof state === 'object' && state !== null && Reflect.get(state, 'ended') === true
}

function ignore(): void {}
