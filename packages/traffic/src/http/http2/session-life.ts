import type { Http2Session } from 'node:http2'
import type { Timers } from '../../timers.ts'

/** For so long the other side may take to close a connection of which nothing is left. */
const LINGER_MS = 2_000

export interface SessionLifeOptions {
  readonly session: Http2Session
  /** Without a stream for so long it is closed. */
  readonly idleTimeoutMs: number
  /** Ends the connection itself. */
  readonly cut: () => void
}

/**
 * When a session ends: after a time without streams, or when either side wants it to and its last stream has ended. Costs no timer
 * per stream.
 */
export class SessionLife implements Disposable {
  readonly #options: SessionLifeOptions
  readonly #timers: Timers
  #streams = 0
  #idleSince: number
  #timer: Disposable | undefined
  #isEnding = false

  constructor(options: SessionLifeOptions, timers: Timers) {
    this.#options = options
    this.#timers = timers
    this.#idleSince = timers.now()
    this.#watch(options.idleTimeoutMs)
    options.session.on('close', () => this[Symbol.dispose]())
  }

  /** That are open now. */
  get streams(): number {
    return this.#streams
  }

  /** New streams may be opened. */
  get isOpen(): boolean {
    const { session } = this.#options
    return !session.closed && !session.destroyed
  }

  streamOpened(): void {
    this.#streams++
  }

  streamClosed(): void {
    this.#streams--
    if (this.#streams > 0) return
    this.#idleSince = this.#timers.now()
    if (this.#options.session.closed) this.#linger()
    else if (this.#timer === undefined) this.#watch(this.#options.idleTimeoutMs)
  }

  /** Sends GOAWAY, if none was sent: no new streams from here on; those that are open may end (RFC 9113, 6.8). */
  close(): void {
    this.#options.session.close()
    if (this.#streams === 0) this.#linger()
  }

  [Symbol.dispose](): void {
    this.#isEnding = true
    this.#timer?.[Symbol.dispose]()
    this.#timer = undefined
  }

  /** One timer for many idle times: it looks again when the latest of them may be over. */
  #watch(delayMs: number): void {
    if (this.#isEnding) return
    this.#timer = this.#timers.after(delayMs, () => {
      this.#timer = undefined
      if (this.#streams > 0) return
      const leftMs = this.#idleSince + this.#options.idleTimeoutMs - this.#timers.now()
      if (leftMs < 1) this.close()
      else this.#watch(leftMs)
    })
  }

  /** What waits for the last word of the other side does not wait for ever. */
  #linger(): void {
    if (this.#isEnding) return
    this[Symbol.dispose]()
    this.#timer = this.#timers.after(LINGER_MS, this.#options.cut)
  }
}
