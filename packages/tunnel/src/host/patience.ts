import type { StreamMessageEvent } from '@libp2p/interface'
import type { Transport } from './connection-parts.ts'

/** One step of an exchange with the other side, of which it is known how much the network has to do. */
export interface Step {
  /** How often something goes there and an answer comes back. */
  readonly roundTrips: number
  /** Of this way, as measured; `undefined` before that. */
  readonly rttMs: number | undefined
  /** What is waited at least: for the other side's own work. */
  readonly floorMs: number
  /** What is sent and received in it, where that is more than some packets. */
  readonly bytes?: number
}

/** Of a way that was not measured: better one attempt too patient than a slow link that never comes up. */
export const UNKNOWN_RTT_MS = 500
/** Linux, TCP_RTO_MIN: so long at least the kernel waits beyond a round trip before it sends a lost segment again. */
const MIN_VARIANCE_MS = 200
/** The slowest link that has to do: 64 kbit/s. */
export const SLOWEST_BYTES_PER_MS = 8

/**
 * How long a step of so many round trips may take on a way whose round-trip time is `rttMs`. Never less than `floorMs`.
 * Allows for two lost segments, be it the same one twice: TCP waits for its retransmission timeout then, and for twice as
 * long.
 *
 * @see RFC 6298, section 2: before the variance is known, it counts as half a round trip, four times
 */
export function patienceMs({ roundTrips, rttMs = UNKNOWN_RTT_MS, floorMs, bytes = 0 }: Step): number {
  const retransmissionMs = rttMs + Math.max(MIN_VARIANCE_MS, 2 * rttMs)
  return Math.max(floorMs, roundTrips * rttMs + 3 * retransmissionMs + bytes / SLOWEST_BYTES_PER_MS)
}

/** TCP's handshake and that of noise, each with its answer, and the choice of the encryption. */
export const DIAL_ROUND_TRIPS = 4

type Progressing = Pick<Transport, 'addEventListener' | 'removeEventListener'>

/** Less than that at once is an answer of the multiplexer at most: it lives, but moves nothing. */
const MIN_PROGRESS_BYTES = 64

/** As that of `AbortSignal.timeout`. */
export function timeoutError(): DOMException {
  return new DOMException('no answer came in time', 'TimeoutError')
}

/** Whoever sends something all the time, but never what is waited for, is not waited for without end. */
const MAX_PROGRESS_MS = 120_000

/**
 * A deadline for an answer that may have to wait behind other bytes, or that is long itself: a slow link is given all the
 * time that it needs as long as it moves anything. To be disposed of when the answer has come.
 */
export class ProgressDeadline implements Disposable {
  readonly #transports: readonly Progressing[]
  readonly #over = new AbortController()
  readonly #timer: NodeJS.Timeout
  readonly #utmost: NodeJS.Timeout

  /**
   * @param transports - of the connection, and of what it goes through
   * @param patienceMs - after so long without a sign of life the signal aborts
   */
  constructor(transports: readonly Progressing[], patienceMs: number) {
    this.#transports = transports
    const end = (): void => this.#over.abort(timeoutError())
    this.#timer = setTimeout(end, patienceMs)
    this.#utmost = setTimeout(end, Math.max(patienceMs, MAX_PROGRESS_MS))
    for (const transport of transports) {
      transport.addEventListener('message', this.#received)
      transport.addEventListener('drain', this.#progressed)
    }
  }

  /** Aborts with a `TimeoutError`. */
  get signal(): AbortSignal {
    return this.#over.signal
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer)
    clearTimeout(this.#utmost)
    for (const transport of this.#transports) {
      transport.removeEventListener('message', this.#received)
      transport.removeEventListener('drain', this.#progressed)
    }
  }

  readonly #received = ({ data }: StreamMessageEvent): void => {
    if (data.byteLength >= MIN_PROGRESS_BYTES) this.#progressed()
  }

  readonly #progressed = (): void => {
    // A timer that has fired would be set anew.
    if (!this.#over.signal.aborted) this.#timer.refresh()
  }
}

/**
 * A deadline for somebody who may be nobody: no progress counts. When the floor is reached, it is looked at anew what is known of
 * the way by then.
 */
export class StrictDeadline implements Disposable {
  readonly #over = new AbortController()
  #timer: NodeJS.Timeout

  /** @param patienceMs - since the beginning, as it is known at each call */
  constructor(floorMs: number, patienceMs: () => number) {
    const end = (): void => this.#over.abort(timeoutError())
    this.#timer = setTimeout(() => {
      const leftMs = patienceMs() - floorMs
      if (leftMs <= 0) end()
      else this.#timer = setTimeout(end, leftMs)
    }, floorMs)
  }

  /** Aborts with a `TimeoutError`. */
  get signal(): AbortSignal {
    return this.#over.signal
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer)
  }
}
