import type { Connection } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'
import { UnreachedError } from '../../errors.ts'
import { transportOf } from '../../host/connection-parts.ts'
import { DIAL_ROUND_TRIPS, ProgressDeadline, patienceMs, timeoutError } from '../../host/patience.ts'

/** What takes longer at each further attempt is at most so many times as long. */
const MAX_GROWTH = 4
const GROWTH = 1.5
/**
 * Until something answers at an IP address; it grows, too. The kernel doubles its pauses while nothing answers: on a link that
 * is up for seconds only, a new attempt finds that out sooner. One costs 0.2 KB.
 */
const REACH_MS = 2_000
const MAX_REACH_MS = 4_000

export interface JoinPatienceDeps {
  /** `reached` is called when something has answered at the address, before it has proven who it is. */
  dial(address: Multiaddr, options: { signal: AbortSignal; reached(): void }): Promise<Connection>
  /** For each step, at least. */
  readonly joinTimeoutMs: number
  /** In milliseconds; `undefined` where it was not measured. */
  rtt(connection: Connection): number | undefined
}

interface JoinStep {
  readonly roundTrips: number
  /** Ends it. */
  readonly signal: AbortSignal
  /** What was configured for a step of joining, and more after timeouts, unless given. */
  readonly floorMs?: number
}

/** How long one tunnel server is waited for, step by step: by what is known of the way to it. */
export class JoinPatience {
  readonly #deps: JoinPatienceDeps
  #growth = 1
  /** Of the last dial: until something had answered. */
  #handshakeMs: number | undefined

  constructor(deps: JoinPatienceDeps) {
    this.#deps = deps
  }

  /** A step lasts that long at most, where nothing comes meanwhile. */
  get utmostMs(): number {
    return this.#deps.joinTimeoutMs * MAX_GROWTH
  }

  /** To be told why each attempt ended: the next one is given more time after one that had too little. */
  learn(error: unknown): void {
    const isTimeout =
      error instanceof UnreachedError || (error instanceof Error && error.name === 'TimeoutError')
    this.#growth = isTimeout ? Math.min(this.#growth * GROWTH, MAX_GROWTH) : 1
  }

  reset(): void {
    this.#growth = 1
  }

  /**
   * @throws {UnreachedError} when nothing has answered at the address
   * @throws {TimeoutError} when the time is up otherwise; libp2p's own error for that depends on the step it happened in
   */
  async dial(address: Multiaddr, signal: AbortSignal): Promise<Connection> {
    const startedAt = performance.now()
    const over = new AbortController()
    let timer = setTimeout(() => over.abort(new UnreachedError()), this.#reachMs(address))
    const reached = (): void => {
      clearTimeout(timer)
      const rttMs = performance.now() - startedAt
      this.#handshakeMs = rttMs
      const roundTrips = DIAL_ROUND_TRIPS - 1
      const leftMs = patienceMs({ roundTrips, rttMs, floorMs: this.#deps.joinTimeoutMs }) * this.#growth
      timer = setTimeout(() => over.abort(timeoutError()), leftMs)
    }
    const deadline = AbortSignal.any([signal, over.signal])
    try {
      return await this.#deps.dial(address, { signal: deadline, reached })
    } catch (error) {
      throw deadline.aborted ? deadline.reason : error
    } finally {
      clearTimeout(timer)
    }
  }

  /** As far as known: the handshake of TCP takes one round trip. */
  rtt(connection: Connection): number | undefined {
    return this.#deps.rtt(connection) ?? this.#handshakeMs
  }

  /**
   * Runs a step on a connection with a signal that aborts when the other side has no excuse any more: bytes that come, such as
   * the records of a large cluster on a slow link, are one.
   */
  async during<T>(
    connection: Connection,
    { roundTrips, signal, floorMs = this.#deps.joinTimeoutMs * this.#growth }: JoinStep,
    run: (signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    const step = { roundTrips, rttMs: this.rtt(connection), floorMs }
    using deadline = new ProgressDeadline([transportOf(connection)], patienceMs(step))
    return await run(AbortSignal.any([signal, deadline.signal]))
  }

  /** Looking up a name takes a thread of few for as long as it takes, however soon it is given up. */
  #reachMs(address: Multiaddr): number {
    const isIp = /^\/ip[46]\//.test(address.toString())
    return isIp
      ? Math.min(REACH_MS * this.#growth, MAX_REACH_MS)
      : Math.max(MAX_REACH_MS, this.#deps.joinTimeoutMs)
  }
}
