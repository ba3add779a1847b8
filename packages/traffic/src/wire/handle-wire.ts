import type { Socket } from 'node:net'
import type { FinSender } from '../kernel/fin-sender.ts'
import { type HandleBinding, type StreamHandle, UV_EOF } from '../relay/handle-binding.ts'
import type { FlowEnd } from '../relay/relay-engine.ts'
import { HandleWriter } from './handle-writer.ts'
import { Lingering } from './lingering.ts'
import { ReadMemory, type ReadMemoryDeps } from './read-memory.ts'
import { giveBack } from './returned-socket.ts'
import type { Wire, WireEvents } from './wire.ts'

/** A plain TCP connection whose bytes can go by its handle. */
export interface WiredSocket {
  readonly end: FlowEnd
  readonly socket: Socket
  readonly handle: StreamHandle
}

export interface HandleWireDeps extends ReadMemoryDeps {
  readonly binding: HandleBinding
  readonly fin: FinSender
}

/**
 * A wire of a plain TCP connection, by libuv's handle. The socket stays the owner of the handle: it closes, it resets.
 *
 * HOT PATH: per chunk a counter, one call, and a view of the buffer where it isn't full.
 */
export class HandleWire implements Wire {
  events: WireEvents
  bytesRead = 0
  bytesWritten = 0
  hasEnded = false
  readonly #end: FlowEnd
  readonly #socket: Socket
  readonly #handle: StreamHandle
  readonly #deps: HandleWireDeps
  readonly #writer: HandleWriter
  readonly #memory: ReadMemory
  #isReading = false
  #isAttached = false
  #isPaused = true
  #isGathering = false
  #wantsEnd = false
  #isFinished = false
  #isReset = false
  #isReleased = false
  #lingering: Lingering | undefined

  constructor({ end, socket, handle }: WiredSocket, events: WireEvents, deps: HandleWireDeps) {
    this.events = events
    this.#end = end
    this.#socket = socket
    this.#handle = handle
    this.#deps = deps
    this.#memory = new ReadMemory(this, deps)
    this.#writer = new HandleWriter(handle, { ...deps, events: this })
    socket.on('error', ignore).on('close', this.#onClose)
  }

  get isClosed(): boolean {
    return this.#isReset || this.#socket.destroyed
  }

  get isFull(): boolean {
    return this.#writer.isWaiting
  }

  /** As of `BusyReader`. */
  get bytes(): number {
    return this.bytesRead
  }

  resume(): void {
    if (this.#isGone) return
    this.#isPaused = false
    if (!this.#isAttached) this.#attach()
    this.#readOn()
  }

  pause(): void {
    this.#isPaused = true
    if (!this.#isReading) return
    this.#isReading = false
    this.#handle.readStop()
  }

  write(bytes: Buffer): boolean {
    if (!this.#isWritable) return false
    this.bytesWritten += bytes.length
    return bytes.length === 0 ? !this.isFull : this.#writer.write(bytes)
  }

  writeText(text: string): boolean {
    if (!this.#isWritable) return false
    this.bytesWritten += text.length
    return text === '' ? !this.isFull : this.#writer.writeText(text)
  }

  gather(): void {
    if (this.#isGathering || !this.#isWritable || !this.#deps.fin.cork(this.#socket)) return
    this.#isGathering = true
    queueMicrotask(() => {
      this.#isGathering = false
      if (!this.#isFinished) this.#deps.fin.uncork(this.#socket)
    })
  }

  end(): void {
    if (this.#wantsEnd || this.#isGone) return
    this.#wantsEnd = true
    if (!this.isFull && !this.#writer.hasFailed) this.#sendEnd()
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
    this.#socket.destroy()
  }

  release(unread: Buffer): FlowEnd {
    this.pause()
    this.#isReleased = true
    this.#socket.off('close', this.#onClose)
    if (this.#socket.destroyed) return this.#end
    // Copied: the relay writes it when it likes.
    if (unread.length > 0) this.#socket.unshift(Buffer.from(unread))
    if (!this.#isAttached) return this.#end
    const { hasEnded } = this
    const { isOwn } = this.#memory
    const into = this.#memory.forget()
    if (isOwn) this.#handle.useUserBuffer(into)
    giveBack({ socket: this.#socket, handle: this.#handle, into, hasEnded }, this.#deps.binding)
    return this.#end
  }

  /** Gives its buffer back after a time of silence. While it is paused, others may still write from it. */
  rest(): void {
    if (!this.#memory.isOwn || !this.#isReading || this.#isGone) return
    this.#handle.useUserBuffer(this.#memory.giveBack())
  }

  /** As of `WriterEvents`. */
  onWritten(): void {
    if (this.#isGone) return
    if (this.#wantsEnd) this.#sendEnd()
    this.events.onDrain()
  }

  /** As of `WriterEvents`. */
  onUnwritable(): void {
    if (this.hasEnded) this.close()
    if (this.#isGone) return
    // What the peer has sent before its reset is read even where nobody wants more just now: behind it comes the end. Others may
    // still write what was read so far.
    if (this.#memory.isOwn && this.#isAttached) this.#handle.useUserBuffer(this.#memory.forget())
    this.resume()
  }

  get #isGone(): boolean {
    return this.#isReset || this.#isReleased || this.#socket.destroyed
  }

  get #isWritable(): boolean {
    return !this.#wantsEnd && !this.#writer.hasFailed && !this.#isGone
  }

  /** Takes over from the socket. */
  #attach(): void {
    this.#isAttached = true
    const early: unknown = this.#socket.read()
    this.#handle.readStop()
    this.#handle.useUserBuffer(this.#deps.buffers.shared)
    this.#handle.onread = () => this.#onRead()
    if (!(early instanceof Buffer)) return
    this.bytesRead += early.length
    this.#tell(early)
  }

  /** Where the socket has read the end before, the kernel says it once more. */
  #readOn(): void {
    if (this.#isReading || this.#isPaused || this.hasEnded || this.#isGone) return
    this.#isReading = true
    if (this.#handle.readStart() !== 0) this.close()
  }

  #onRead(): Buffer | undefined {
    const count = this.#deps.binding.lastRead()
    if (count > 0) return this.#received(count)
    if (count === 0) return undefined
    this.#isReading = false
    if (count === UV_EOF) this.#ended()
    else this.close()
    return undefined
  }

  #received(count: number): Buffer | undefined {
    this.bytesRead += count
    this.#tell(this.#memory.read(count))
    return this.#isGone ? undefined : this.#memory.next(count, this.#isReading)
  }

  #tell(bytes: Buffer): void {
    if (this.#lingering === undefined) this.events.onBytes(bytes)
    else this.#lingering.drop(bytes.length)
  }

  #ended(): void {
    this.hasEnded = true
    if (this.#isFinished || this.#writer.hasFailed) this.close()
    if (this.#lingering === undefined) this.events.onEnd()
  }

  #sendEnd(): void {
    if (this.#deps.fin.sendFin(this.#socket)) this.#finished()
    else this.#socket.end(() => this.#finished())
  }

  #finished(): void {
    this.#isFinished = true
    if (this.hasEnded && !this.#isReleased) this.close()
  }

  readonly #onClose = (): void => {
    this.#isReading = false
    this.#lingering?.[Symbol.dispose]()
    this.#memory.forget()
    this.events.onClosed()
  }
}

function ignore(): void {}
