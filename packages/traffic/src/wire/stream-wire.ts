import { Duplex } from 'node:stream'
import type { ReadBuffers } from '../relay/read-buffers.ts'
import type { FlowEnd } from '../relay/relay-engine.ts'
import { Lingering } from './lingering.ts'
import type { Wire, WireEvents } from './wire.ts'

/** A wire of any stream. */
export class StreamWire implements Wire {
  events: WireEvents
  bytesRead = 0
  bytesWritten = 0
  hasEnded = false
  readonly #end: FlowEnd
  readonly #stream: Duplex
  readonly #buffers: ReadBuffers
  #isAttached = false
  #isPaused = true
  #wantsEnd = false
  #isReset = false
  #isReleased = false
  #hasUntoldEnd = false
  #lingering: Lingering | undefined

  constructor(end: FlowEnd, events: WireEvents, buffers: ReadBuffers) {
    this.events = events
    this.#end = end
    this.#stream = end.stream
    this.#buffers = buffers
    this.#stream.on('error', this.#onError).on('close', this.#onClose).on('drain', this.#onDrain)
    if (this.#stream.closed) queueMicrotask(this.#onClose)
  }

  get isClosed(): boolean {
    return this.#isReset || this.#stream.destroyed
  }

  get isFull(): boolean {
    return this.#stream.writableNeedDrain
  }

  resume(): void {
    if (this.#isGone) return
    this.#isPaused = false
    if (!this.#isAttached) this.#attach()
    if (this.#isPaused) return
    if (this.#hasUntoldEnd) this.#tellEnd()
    else this.#stream.resume()
  }

  pause(): void {
    this.#isPaused = true
    if (this.#isAttached) this.#stream.pause()
  }

  write(bytes: Buffer): boolean {
    if (!this.#isWritable) return false
    this.bytesWritten += bytes.length
    // A stream says that it takes more while it still holds these.
    return this.#stream.write(this.#buffers.owns(bytes) ? Buffer.from(bytes) : bytes)
  }

  writeText(text: string): boolean {
    if (!this.#isWritable) return false
    this.bytesWritten += text.length
    return this.#stream.write(text, 'latin1')
  }

  gather(): void {}

  end(): void {
    if (this.#isGone || this.#wantsEnd) return
    this.#wantsEnd = true
    // A stream that is ending never says that it has drained.
    if (!this.isFull) this.#stream.end()
  }

  linger(): void {
    if (this.#lingering !== undefined || this.#isGone) return
    this.#lingering = new Lingering(this)
    this.end()
    this.resume()
  }

  reset(): void {
    if (this.#isGone) return
    this.#isReset = true
    this.pause()
    this.#end.reset()
  }

  /** Closes the connection without waiting for anything. */
  close(): void {
    this.#stream.destroy()
  }

  release(unread: Buffer): FlowEnd {
    const stream = this.#stream
    this.pause()
    this.#isReleased = true
    stream.off('data', this.#onBytes).off('end', this.#onEnd).off('drain', this.#onDrain)
    stream.off('close', this.#onClose).off('error', this.#onError).on('error', ignore)
    if (unread.length === 0 || stream.destroyed) return this.#end
    // Copied: the relay writes it when it likes.
    const first = Buffer.from(unread)
    if (!stream.readableEnded) {
      stream.unshift(first)
      return this.#end
    }
    const rejoined = Duplex.from({ readable: [first], writable: stream })
    return { stream: rejoined, reset: () => this.#end.reset() }
  }

  get #isGone(): boolean {
    return this.#isReset || this.#isReleased || this.#stream.destroyed
  }

  get #isWritable(): boolean {
    return !this.#wantsEnd && !this.#stream.writableEnded && !this.#isGone
  }

  #attach(): void {
    this.#isAttached = true
    const stream = this.#stream
    const early: unknown = stream.read()
    stream.on('data', this.#onBytes).on('end', this.#onEnd)
    if (early instanceof Buffer) this.#onBytes(early)
    if (stream.readableEnded) this.#hasUntoldEnd = true
  }

  #tellEnd(): void {
    this.#hasUntoldEnd = false
    this.hasEnded = true
    if (this.#stream.writableFinished) this.close()
    if (this.#lingering === undefined) this.events.onEnd()
  }

  readonly #onBytes = (bytes: Buffer): void => {
    this.bytesRead += bytes.length
    // Who has looked into the stream before, by `readable`, makes it flow once more when it stops looking.
    if (this.#isPaused) this.#stream.pause()
    if (this.#lingering === undefined) this.events.onBytes(bytes)
    else this.#lingering.drop(bytes.length)
  }

  readonly #onEnd = (): void => {
    if (this.#isGone) return
    if (this.#isPaused) this.#hasUntoldEnd = true
    else this.#tellEnd()
  }

  readonly #onDrain = (): void => {
    if (this.#isGone) return
    if (this.#wantsEnd) this.#stream.end()
    this.events.onDrain()
  }

  readonly #onError = (): void => void this.#stream.destroy()

  readonly #onClose = (): void => {
    this.#lingering?.[Symbol.dispose]()
    if (!this.#isReleased) this.events.onClosed()
  }
}

function ignore(): void {}
