import type { Timers } from '../timers.ts'
import type { UdpMetrics } from './udp-metrics.ts'

/** Why a datagram was not passed on. Closed set, used as metric label. */
export const DROP_REASONS = [
  /** Its session still connects, and enough datagrams wait already. */
  'queue-full',
  /** The tunnel or the socket takes no more for now. */
  'congested',
  /** Too many sessions. */
  'over-limit',
  /** Its ServicePort has gone, or the agent stops. */
  'not-served',
  /** Nothing can take it: no endpoint, or none that could be connected to. */
  'no-endpoint',
  /** Larger than a datagram may be on its way. */
  'too-big',
  /** The kernel did not send it. */
  'send-failed',
] as const

export type DropReason = (typeof DROP_REASONS)[number]

/** How old the metrics may be. */
const FLUSH_AFTER_MS = 1_000

export interface DatagramCountsDeps {
  readonly timers: Timers
  readonly metrics: Pick<UdpMetrics, 'datagrams' | 'drops'>
}

/** Counts datagrams in plain numbers, for the hot path, and brings them to the metrics a moment later. */
export class DatagramCounts implements Disposable {
  /** Whose flows they are of: this node's clients', or other nodes'. */
  readonly #direction: 'outbound' | 'inbound'
  readonly #deps: DatagramCountsDeps
  readonly #dropped = new Map<DropReason, number>()
  #sent = 0
  #received = 0
  #flush: Disposable | undefined

  constructor(direction: 'outbound' | 'inbound', deps: DatagramCountsDeps) {
    this.#direction = direction
    this.#deps = deps
  }

  /** One went to an endpoint. */
  sent(): void {
    this.#sent++
    if (this.#flush === undefined) this.#flushLater()
  }

  /** One came back from an endpoint and was passed on. */
  received(): void {
    this.#received++
    if (this.#flush === undefined) this.#flushLater()
  }

  dropped(reason: DropReason, count = 1): void {
    this.#dropped.set(reason, (this.#dropped.get(reason) ?? 0) + count)
    if (this.#flush === undefined) this.#flushLater()
  }

  [Symbol.dispose](): void {
    this.#flush?.[Symbol.dispose]()
    this.#flushNow()
  }

  #flushLater(): void {
    this.#flush = this.#deps.timers.after(FLUSH_AFTER_MS, () => this.#flushNow())
  }

  #flushNow(): void {
    this.#flush = undefined
    const { datagrams, drops } = this.#deps.metrics
    const direction = this.#direction
    if (this.#sent > 0) datagrams.add({ direction, way: 'sent' }, this.#sent)
    if (this.#received > 0) datagrams.add({ direction, way: 'received' }, this.#received)
    for (const [reason, count] of this.#dropped) drops.add({ direction, reason }, count)
    this.#sent = 0
    this.#received = 0
    this.#dropped.clear()
  }
}
