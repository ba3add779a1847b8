import type { Path } from '@edgeway/core'
import type { TrafficMetrics } from '../metrics.ts'
import type { Timers } from '../timers.ts'
import type { FlowDirection } from './flow-record.ts'

/** Of payload so far; grow while the flow is open. A `Relay` has them. */
export interface ByteCounts {
  readonly bytesSent: number
  readonly bytesReceived: number
}

/** A flow whose bytes are counted while it is open. */
export interface MeteredFlow {
  readonly direction: FlowDirection
  readonly path: Path
  readonly counts: ByteCounts
}

/** Stands for a metered flow until its end. */
export interface Metering {
  readonly counts: ByteCounts
  readonly lane: Lane
  counted: number
}

/** Flows with the same labels. */
interface Lane {
  readonly labels: { readonly direction: FlowDirection; readonly path: Path }
  pending: number
}

export interface ByteMeterDeps {
  readonly bytes: TrafficMetrics['bytes']
  readonly timers: Pick<Timers, 'after'>
}

const TICK_MS = 10_000

/**
 * Counts bytes of open flows every ten seconds, and the rest of each at its end, so that a counter also grows while long
 * flows go on. Costs nothing per chunk, and no timer runs while no flow is open.
 */
export class ByteMeter implements Disposable {
  readonly #deps: ByteMeterDeps
  readonly #open = new Set<Metering>()
  readonly #lanes: Lane[] = []
  #tick: Disposable | undefined

  constructor(deps: ByteMeterDeps) {
    this.#deps = deps
  }

  start({ direction, path, counts }: MeteredFlow): Metering {
    const metering = { counts, lane: this.#laneOf(direction, path), counted: 0 }
    this.#open.add(metering)
    this.#tick ??= this.#nextTick()
    return metering
  }

  /** @param total - all bytes of the flow, both ways together */
  end(metering: Metering, total: number): void {
    if (!this.#open.delete(metering)) return
    const rest = total - metering.counted
    if (rest > 0) this.#deps.bytes.add(metering.lane.labels, rest)
  }

  /** Counts no more by itself; flows that end later are still counted. */
  [Symbol.dispose](): void {
    this.#tick?.[Symbol.dispose]()
    this.#tick = undefined
  }

  #nextTick(): Disposable {
    return this.#deps.timers.after(TICK_MS, () => this.#count())
  }

  #count(): void {
    for (const metering of this.#open) {
      const { bytesSent, bytesReceived } = metering.counts
      const total = bytesSent + bytesReceived
      // Counters never go down.
      if (total <= metering.counted) continue
      metering.lane.pending += total - metering.counted
      metering.counted = total
    }
    for (const lane of this.#lanes) {
      if (lane.pending > 0) this.#deps.bytes.add(lane.labels, lane.pending)
      lane.pending = 0
    }
    this.#tick = this.#open.size > 0 ? this.#nextTick() : undefined
  }

  #laneOf(direction: FlowDirection, path: Path): Lane {
    const known = this.#lanes.find(({ labels }) => labels.direction === direction && labels.path === path)
    if (known !== undefined) return known
    const lane = { labels: { direction, path }, pending: 0 }
    this.#lanes.push(lane)
    return lane
  }
}
