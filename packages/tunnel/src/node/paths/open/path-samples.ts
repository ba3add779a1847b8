import type { Connection } from '@libp2p/interface'
import { muxerOf } from '../../../host/connection-parts.ts'
import { carriersOf } from '../../../host/connections.ts'
import type { Host } from '../../../host/host.ts'
import type { PathCondition } from '../choice/path-choice.ts'
import { type SegmentCounts, SegmentLoss } from './segment-loss.ts'

export interface PathSamplesDeps {
  readonly host: {
    readonly node: Pick<Host['node'], 'getConnections'>
    readonly liveness: Pick<Host['liveness'], 'ask' | 'rtt'>
  }
  readonly tcpInfo: { read(connection: Connection): SegmentCounts | undefined }
}

const SAMPLE_MS = 5_000
/** The first one was taken amid the handshake; a few more tell what the path is like. */
const FIRST_SAMPLE_MS = 1_000
/** The least of so many counts: what this process and the other one were busy with is no part of the path. */
const ROUND_TRIPS = 5
const ENOUGH = 3

interface Sampled {
  readonly roundTripsMs: number[]
  readonly loss: SegmentLoss
  sampledAt: number
  isAsked: boolean
}

interface SampledPath {
  readonly id: Connection
  readonly condition: PathCondition
}

/** Measures paths, as long as somebody wants to know. */
export class PathSamples {
  readonly #deps: PathSamplesDeps
  readonly #sampled = new WeakMap<Connection, Sampled>()

  constructor(deps: PathSamplesDeps) {
    this.#deps = deps
  }

  /** The least round-trip time of the last samples in ms; before, what is known from the beginning. */
  rttMs(connection: Connection): number | undefined {
    const roundTrips = this.#sampled.get(connection)?.roundTripsMs ?? []
    const known = this.#deps.host.liveness.rtt(connection)
    return roundTrips.length > 0 ? Math.min(...roundTrips) : known
  }

  /** Whether there are samples enough to compare it with others. */
  isMeasured(connection: Connection): boolean {
    return (this.#sampled.get(connection)?.roundTripsMs.length ?? 0) >= ENOUGH
  }

  /** The share of segments that this host had to send again lately, 0 to 1; of a circuit, on the way to its relay. */
  lossShare(connection: Connection): number | undefined {
    const carrier = this.#carrierOf(connection)
    return carrier && this.#sampled.get(carrier)?.loss.share
  }

  /**
   * Takes a sample of each if it is due; of a silent one when it is back.
   *
   * @param isChoice - their round-trip times decide something now: a question for each costs some 300 bytes
   */
  sample(paths: readonly SampledPath[], isChoice: boolean): void {
    const now = performance.now()
    for (const { id: connection, condition } of paths) {
      const sampled = this.#of(connection)
      if (condition !== 'good') {
        sampled.loss.startAnew()
        continue
      }
      const intervalMs = sampled.roundTripsMs.length < ROUND_TRIPS && isChoice ? FIRST_SAMPLE_MS : SAMPLE_MS
      if (now - sampled.sampledAt < intervalMs) continue
      sampled.sampledAt = now
      this.#sampleLoss(connection, now)
      if (isChoice) this.#ask(connection, sampled)
    }
  }

  #sampleLoss(connection: Connection, now: number): void {
    const carrier = this.#carrierOf(connection)
    if (carrier === undefined) return
    const sampled = this.#of(carrier)
    // Many circuits have one carrier.
    if (carrier !== connection && now - sampled.sampledAt < FIRST_SAMPLE_MS) return
    sampled.sampledAt = now
    const counts = this.#deps.tcpInfo.read(carrier)
    if (counts !== undefined) sampled.loss.add(counts)
  }

  /** One question at a time; one that is never answered ends with the connection, which `Liveness` sees to. */
  #ask(connection: Connection, sampled: Sampled): void {
    if (sampled.isAsked || connection.status !== 'open') return
    sampled.isAsked = true
    this.#deps.host.liveness.ask(connection)
    // Joins the question that is open now.
    muxerOf(connection)
      .ping()
      .then(
        (roundTripMs) => {
          sampled.isAsked = false
          sampled.roundTripsMs.push(roundTripMs)
          if (sampled.roundTripsMs.length > ROUND_TRIPS) sampled.roundTripsMs.shift()
        },
        () => {},
      )
  }

  #carrierOf(connection: Connection): Connection | undefined {
    return connection.direct ? connection : carriersOf(this.#deps.host.node, connection)[0]
  }

  #of(connection: Connection): Sampled {
    const known = this.#sampled.get(connection)
    if (known !== undefined) return known
    const sampled = { roundTripsMs: [], loss: new SegmentLoss(), sampledAt: 0, isAsked: false }
    this.#sampled.set(connection, sampled)
    return sampled
  }
}
