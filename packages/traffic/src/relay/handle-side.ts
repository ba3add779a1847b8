import type { Socket } from 'node:net'
import type { FinSender } from '../kernel/fin-sender.ts'
import type { BusyReaders } from './busy-readers.ts'
import {
  type HandleBinding,
  type StreamHandle,
  UV_EOF,
  UV_EPIPE,
  type WriteRequest,
} from './handle-binding.ts'
import type { ReadBuffers } from './read-buffers.ts'
import type { FlowEnd } from './relay-engine.ts'

/** An end whose bytes can go by its handle. */
export interface HandleEnd {
  readonly end: FlowEnd
  readonly socket: Socket
  readonly handle: StreamHandle
}

/** What a side tells its relay. */
export interface SideEvents {
  /** The peer of the connection has ended its sending. */
  onEnd(side: HandleSide): void
  /** The connection is dead. */
  onBroken(side: HandleSide): void
  /** The connection takes nothing more, but what its peer sent before, and its end, can still be read. */
  onUnwritable(side: HandleSide): void
  /** Nothing read of `side` waits for being written any more; it reads on if it may. */
  onForwarded(side: HandleSide): void
  /** Its end has been sent. */
  onFinished(side: HandleSide): void
  onClosed(side: HandleSide): void
}

export interface SideDeps {
  readonly binding: HandleBinding
  readonly fin: FinSender
  readonly buffers: ReadBuffers
  readonly busy: BusyReaders
  readonly events: SideEvents
}

/** A connection reads into a buffer of its own while its reads are at least this big. */
const BUSY_READ_BYTES = 16 * 1024

/**
 * One connection of a flow: reads what comes and writes it to the other one. The socket stays the owner of the handle;
 * it sends the end, it closes, it resets.
 *
 * HOT PATH: per chunk a counter, one write, and a view of the buffer where it isn't full.
 */
export class HandleSide {
  readonly end: FlowEnd
  readonly socket: Socket
  /** Read of this connection. */
  bytes = 0
  /** The peer of the connection has ended its sending. */
  hasEnded = false
  /** Its own end was sent. */
  isFinished = false
  isClosed = false
  readonly #handle: StreamHandle
  readonly #deps: SideDeps
  /** Itself until it is joined. */
  #other: HandleSide = this
  #own: Buffer | undefined
  #isReading = false
  #isAttached = false
  #isDropping = false
  #isWriting = false
  #wantsFinish = false
  #request: WriteRequest | undefined
  /** Goes back to the pool when the write under way is done. */
  #lent: Buffer | undefined

  constructor({ end, socket, handle }: HandleEnd, deps: SideDeps) {
    this.end = end
    this.socket = socket
    this.#handle = handle
    this.#deps = deps
  }

  /** True while bytes wait for the kernel to take them. */
  get isWriting(): boolean {
    return this.#isWriting
  }

  /** Takes over from the socket; what that had read comes first. */
  join(other: HandleSide): void {
    this.#other = other
    const { socket } = this
    const { events } = this.#deps
    socket.on('error', () => {})
    socket.on('close', () => {
      this.isClosed = true
      this.#release()
      events.onClosed(this)
    })
    socket.on('end', () => this.#ended())
    const early: unknown = socket.read()
    this.#handle.readStop()
    if (early instanceof Buffer) {
      this.bytes += early.length
      other.#write(early)
    }
    if (socket.readableEnded) this.#ended()
  }

  /** Reads, unless what was read before still waits to be written. */
  readOn(): void {
    if (this.#isReading || this.hasEnded || this.socket.destroyed || this.#other.isWriting) return
    if (!this.#isAttached) this.#attach()
    this.#isReading = true
    if (this.#handle.readStart() !== 0) this.#deps.events.onBroken(this)
  }

  /** From here on what comes is read and forgotten. */
  drop(): void {
    this.#isDropping = true
    if (!this.hasEnded && !this.#isReading && !this.socket.destroyed) {
      if (!this.#isAttached) this.#attach()
      this.#isReading = true
      this.#handle.readStart()
    }
  }

  /** Sends the end after what is still to be written: a socket that shuts down with bytes left could not be reset. */
  finish(): void {
    if (this.#isWriting) {
      this.#wantsFinish = true
      return
    }
    this.#wantsFinish = false
    const { fin, events } = this.#deps
    if (fin.sendFin(this.socket)) {
      this.isFinished = true
      events.onFinished(this)
      return
    }
    this.socket.end(() => {
      this.isFinished = this.socket.writableFinished
      events.onFinished(this)
    })
  }

  /** Gives its buffer back after a time of silence. */
  rest(): void {
    if (this.#own === undefined || this.#other.isWriting || this.socket.destroyed) return
    this.#handle.useUserBuffer(this.#deps.buffers.shared)
    this.#release()
  }

  #attach(): void {
    this.#isAttached = true
    this.#handle.useUserBuffer(this.#deps.buffers.shared)
    this.#handle.onread = () => this.#onRead()
  }

  #onRead(): Buffer | undefined {
    const count = this.#deps.binding.lastRead()
    if (count > 0) return this.#forward(count)
    if (count === 0) return undefined
    this.#isReading = false
    if (count === UV_EOF) this.#ended()
    else this.#deps.events.onBroken(this)
    return undefined
  }

  #ended(): void {
    if (this.hasEnded || this.socket.destroyed) return
    this.hasEnded = true
    this.#deps.events.onEnd(this)
  }

  #forward(count: number): Buffer | undefined {
    if (this.#isDropping) return undefined
    this.bytes += count
    const next = this.#own === undefined ? this.#forwardShared(count) : this.#forwardOwn(this.#own, count)
    if (this.#other.isWriting) this.#pause()
    else this.#deps.events.onForwarded(this)
    return next
  }

  #forwardOwn(own: Buffer, count: number): Buffer | undefined {
    const other = this.#other
    other.#write(count === own.length ? own : own.subarray(0, count))
    if (count >= BUSY_READ_BYTES || other.isWriting) return undefined
    this.#release()
    return this.#deps.buffers.shared
  }

  /** The shared buffer is read into by others before a write that waits is done: hence the copy, small as a rule. */
  #forwardShared(count: number): Buffer | undefined {
    const { buffers } = this.#deps
    const buffer = buffers.take()
    buffers.shared.copy(buffer, 0, 0, count)
    const other = this.#other
    other.#write(count === buffer.length ? buffer : buffer.subarray(0, count))
    if (count >= BUSY_READ_BYTES && !this.isClosed) {
      this.#own = buffer
      this.#deps.busy.add(this)
      return buffer
    }
    if (other.isWriting) other.#lent = buffer
    else buffers.give(buffer)
    return undefined
  }

  #pause(): void {
    this.#isReading = false
    this.#handle.readStop()
  }

  #write(bytes: Buffer): void {
    const { binding } = this.#deps
    this.#request ??= binding.newWrite((status) => this.#written(status))
    const status = this.socket.destroyed ? -1 : this.#handle.writeBuffer(this.#request, bytes)
    if (status !== 0) {
      this.#notWritten(status)
      return
    }
    if (!binding.lastWriteWasAsync()) return
    this.#request.buffer = bytes
    this.#request = undefined
    this.#isWriting = true
  }

  #written(status: number): void {
    this.#isWriting = false
    const { buffers, events } = this.#deps
    if (this.#lent !== undefined) buffers.give(this.#lent)
    this.#lent = undefined
    if (this.socket.destroyed) return
    if (status !== 0) this.#notWritten(status)
    else if (this.#wantsFinish) this.finish()
    else events.onForwarded(this.#other)
  }

  /** EPIPE: its peer had ended its sending before it reset the connection; any other error: it had not. */
  #notWritten(status: number): void {
    const { events } = this.#deps
    if (status === UV_EPIPE) events.onUnwritable(this)
    else events.onBroken(this)
  }

  /** A buffer that a write still needs is left to the garbage collector. */
  #release(): void {
    if (this.#own === undefined) return
    if (!this.#other.isWriting) this.#deps.buffers.give(this.#own)
    this.#own = undefined
    this.#deps.busy.delete(this)
  }
}
