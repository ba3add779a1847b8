import type { Socket } from 'node:net'
import { resetSocket } from '../kernel/reset-socket.ts'
import type { Wire, WireEvents } from '../wire/wire.ts'
import type { Wires } from '../wire/wires.ts'
import type { FirstBytesEvents } from './first-bytes.ts'

/** A connection that is read below its stream, and what it has said so far. */
export interface WiredClient {
  readonly wire: Wire
  /** Holds only for as long as the call that brought it. */
  readonly unread: Buffer
}

const NOTHING = Buffer.alloc(0)

/**
 * Looks at how a plain TCP connection begins, as `FirstBytes` does, but below its stream: who goes on by wire gets the bytes
 * where they were read. Who looks is to take no more than a bounded beginning for undecided: all of it is held.
 */
export class WireFirstBytes implements WireEvents, Disposable {
  readonly #wire: Wire
  readonly #events: FirstBytesEvents
  /** All that came; within `onBytes` it may be in memory that is read into again. */
  #unread: Buffer = NOTHING
  #isOver = false

  private constructor(wire: Wire, events: FirstBytesEvents) {
    this.#wire = wire
    this.#events = events
    wire.events = this
    wire.resume()
  }

  /** @returns `undefined` where it can't be read below its stream, or that has read something already */
  static of(
    socket: Socket,
    events: FirstBytesEvents,
    wires: Pick<Wires, 'handleWire'>,
  ): WireFirstBytes | undefined {
    if (socket.readableLength > 0) return undefined
    const wire = wires.handleWire({ stream: socket, reset: () => resetSocket(socket) }, UNHEARD)
    return wire && new WireFirstBytes(wire, events)
  }

  /** Something has come. */
  get hasSome(): boolean {
    return this.#unread.length > 0
  }

  /** Looks no more, and gives the connection to who goes on by wire. Its events are still to be set. */
  handOver(): WiredClient {
    this.#isOver = true
    const unread = this.#unread
    this.#unread = NOTHING
    return { wire: this.#wire, unread }
  }

  /** Looks no more; what came is in the socket again. */
  [Symbol.dispose](): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#wire.release(this.#unread)
  }

  onBytes(bytes: Buffer): void {
    this.#unread = this.hasSome ? Buffer.concat([this.#unread, bytes]) : bytes
    this.#events.onBytes(this.#unread, false)
    if (!this.#isOver && this.#unread === bytes) this.#unread = Buffer.from(bytes)
  }

  onDrain(): void {}

  onEnd(): void {
    this.#events.onBytes(this.#unread, true)
  }

  onClosed(): void {
    if (!this.#isOver) this.#events.onClosed()
  }
}

/** Until somebody listens; nothing is read before. */
const UNHEARD: WireEvents = { onBytes() {}, onDrain() {}, onEnd() {}, onClosed() {} }
