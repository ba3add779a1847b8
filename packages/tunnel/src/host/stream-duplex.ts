import { Duplex } from 'node:stream'
import type { Stream, StreamCloseEvent } from '@libp2p/interface'
import { StreamResetError } from '../errors.ts'
import { isRemoteFinished, PacedReader } from './paced-reader.ts'
import type { StreamActivity } from './watched-connection.ts'

/** What gathers while the stream is full is sent at once afterwards: larger writes cost less per byte. */
const WRITE_BUFFER_BYTES = 256 * 1024
const READ_BUFFER_BYTES = 64 * 1024

type WriteCallback = (error?: Error | null) => void

const UNWATCHED: StreamActivity = { sent: () => {}, received: () => {}, ended: () => {} }

/**
 * A libp2p stream as a Node stream, with back-pressure both ways. `end()` sends FIN and leaves the other direction
 * alone; `destroy()` before both directions ended sends RST; RST from the other side is an `error`.
 *
 * What libp2p makes hard (js-libp2p 3.3, utils 7.4), beside what `PacedReader` knows:
 * - `onDrain()` works only once per stream: the `drain` event is used.
 * - A `drain` event may mean room for fewer bytes than wait: a write is done only when libp2p's own buffer is empty,
 *   else that buffer would grow with each small window update.
 * - A lost connection closes the stream without error: that is an end only if FIN came before.
 */
export class StreamDuplex extends Duplex {
  readonly #stream: Stream
  readonly #reader: PacedReader
  readonly #activity: StreamActivity
  #pendingWrite: WriteCallback | undefined
  #remoteFinished: boolean
  #finishing = false

  /** @param activity - told of what is sent and what comes */
  constructor(stream: Stream, activity: StreamActivity = UNWATCHED) {
    super({
      allowHalfOpen: true,
      readableHighWaterMark: READ_BUFFER_BYTES,
      writableHighWaterMark: WRITE_BUFFER_BYTES,
    })
    this.#stream = stream
    this.#activity = activity
    this.#remoteFinished = isRemoteFinished(stream)
    this.#reader = new PacedReader(stream, (bytes) => {
      activity.received()
      let wantsMore = true
      for (const chunk of bytes instanceof Uint8Array ? [bytes] : bytes) wantsMore = this.push(chunk)
      return wantsMore
    })
    stream.addEventListener('drain', this.#onDrain)
    stream.addEventListener('remoteCloseWrite', this.#onRemoteCloseWrite)
    stream.addEventListener('end', this.#onEnd)
    stream.addEventListener('close', this.#onClose)
    if (stream.readableEnded && this.#remoteFinished) this.push(null)
    else if (stream.status !== 'open') this.destroy(new StreamResetError())
  }

  /** Resets both directions. The other side sees an error; here nothing more is emitted but `close`. */
  reset(): void {
    this.destroy()
  }

  override _read(): void {
    this.#reader.more()
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: WriteCallback): void {
    this.#send([chunk], done)
  }

  override _writev(chunks: { chunk: Buffer }[], done: WriteCallback): void {
    this.#send(
      chunks.map(({ chunk }) => chunk),
      done,
    )
  }

  override _final(done: WriteCallback): void {
    this.#finishing = true
    this.#stream.close().then(
      () => done(),
      (cause: unknown) =>
        done(new StreamResetError('the stream was reset before its last bytes were sent', { cause })),
    )
  }

  override _destroy(error: Error | null, done: WriteCallback): void {
    const { status } = this.#stream
    this.#activity.ended()
    if (status === 'open' || status === 'closing') this.#stream.abort(error ?? new StreamResetError())
    done(error)
  }

  #send(chunks: readonly Buffer[], done: WriteCallback): void {
    try {
      for (const chunk of chunks) this.#stream.send(chunk)
    } catch (cause) {
      done(new StreamResetError('the stream is closed', { cause }))
      return
    }
    this.#activity.sent(byteLengthOf(chunks))
    this.#pendingWrite = done
    this.#completeWrite()
  }

  #completeWrite(): void {
    const done = this.#pendingWrite
    if (done === undefined || this.#stream.writableNeedsDrain) return
    this.#pendingWrite = undefined
    done()
  }

  // Listeners of the stream, as properties so that they keep `this`.

  /** libp2p flushes its buffer in a microtask that it queued just before. */
  readonly #onDrain = (): void => {
    this.#activity.received()
    queueMicrotask(() => this.#completeWrite())
  }

  readonly #onRemoteCloseWrite = (): void => {
    this.#remoteFinished = true
  }

  /** All bytes were delivered; fires after a reset, too. */
  readonly #onEnd = (): void => {
    if (this.#remoteFinished) this.push(null)
  }

  readonly #onClose = ({ error }: StreamCloseEvent): void => {
    const isEnded = error === undefined && this.#remoteFinished
    if (this.destroyed || (isEnded && this.#finishing)) return
    const lost = new StreamResetError(error?.message, { cause: error })
    // The other side ended its bytes before the connection went: they can still be read, but none be written.
    if (isEnded && !this.readableEnded) this.once('end', () => this.destroy(lost))
    else this.destroy(lost)
  }
}

function byteLengthOf(chunks: readonly Buffer[]): number {
  return chunks.reduce((sum, { byteLength }) => sum + byteLength, 0)
}
