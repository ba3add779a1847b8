import { randomInt } from 'node:crypto'
import { connect, type Socket } from 'node:net'
import { encodeFrame, FrameReader } from '../listen/tcp/tcp-frames.ts'
import { type Exchange, withId } from './exchange.ts'
import type { Upstream } from './upstream.ts'

const MAX_TCP_MESSAGE_BYTES = 65_535

/** Who waits for the reply to one query. */
export interface Waiting {
  readonly exchange: Pick<Exchange, 'message' | 'match'>
  onReply(reply: Buffer): void
  /** The connection ended before the reply came. `wasOpen`: it had been there, so that a new one may do. */
  onClose(wasOpen: boolean): void
}

interface Pending extends Waiting {
  readonly sent: Buffer
  /** How many messages had come when it was sent. */
  readonly messagesBefore: number
}

/**
 * A TCP connection to an upstream that many queries share, answered in any order (RFC 7766 sections 6.2.1.1 and 7). It
 * closes itself when it has had nothing to do for a while, and when a query that was given up got it no sign of life.
 */
export class UpstreamConnection {
  readonly #socket: Socket
  readonly #reader = new FrameReader(MAX_TCP_MESSAGE_BYTES)
  readonly #pending = new Map<number, Pending>()
  readonly #idle: NodeJS.Timeout
  #isOpen = false
  #isEnded = false
  #messages = 0

  /** @param onEnd - called once, when it takes no more queries, before those who wait are told */
  constructor(upstream: Upstream, idleTimeoutMs: number, onEnd: (connection: UpstreamConnection) => void) {
    const end = (): void => {
      if (this.#isEnded) return
      this.#isEnded = true
      clearTimeout(this.#idle)
      onEnd(this)
    }
    this.#socket = connect({ host: upstream.ip, port: upstream.port, noDelay: true })
    this.#idle = setTimeout(() => this.#closeIfIdle(), idleTimeoutMs)
    this.#socket.on('connect', () => {
      this.#isOpen = true
    })
    this.#socket.on('data', (chunk: Buffer) => this.#read(chunk))
    this.#socket.on('end', end)
    this.#socket.on('error', end)
    this.#socket.on('close', () => {
      end()
      this.#fail()
    })
  }

  /** Queries that wait for their reply. */
  get load(): number {
    return this.#pending.size
  }

  /**
   * Sends a query, under an id that no other one has here.
   *
   * @returns gives the query up
   */
  ask(waiting: Waiting): () => void {
    let id = randomInt(0x1_0000)
    while (this.#pending.has(id)) id = randomInt(0x1_0000)
    const sent = withId(waiting.exchange.message, id)
    const pending = { ...waiting, sent, messagesBefore: this.#messages }
    this.#pending.set(id, pending)
    this.#socket.write(encodeFrame(sent))
    return () => this.#giveUp(id, pending)
  }

  close(): void {
    this.#socket.destroy()
  }

  #read(chunk: Buffer): void {
    // No message is too long for the reader.
    for (const message of this.#reader.push(chunk) ?? []) {
      this.#messages++
      const id = message.length < 2 ? -1 : message.readUInt16BE(0)
      const pending = this.#pending.get(id)
      if (pending === undefined || pending.exchange.match(pending.sent, message) === 'stranger') continue
      this.#pending.delete(id)
      this.#idle.refresh()
      pending.onReply(message)
    }
  }

  #giveUp(id: number, pending: Pending): void {
    if (this.#pending.get(id) !== pending) return
    this.#pending.delete(id)
    // The other end may be gone without a word.
    if (this.#messages === pending.messagesBefore) this.close()
  }

  #closeIfIdle(): void {
    if (this.#pending.size === 0) this.close()
    else this.#idle.refresh()
  }

  #fail(): void {
    const pending = [...this.#pending.values()]
    this.#pending.clear()
    for (const { onClose } of pending) onClose(this.#isOpen)
  }
}
