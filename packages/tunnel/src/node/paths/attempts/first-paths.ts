import type { Connection } from '@libp2p/interface'
import { relayOf } from '../../../host/connection-parts.ts'
import { closeConnection } from '../../../host/connections.ts'
import type { OpenPaths } from '../open/open-paths.ts'
import type { PeerPaths } from '../ways/candidates.ts'
import type { JoinedRelay } from '../ways/relay-choice.ts'
import type { Candidate, Ways } from '../ways/ways.ts'
import type { Attempts } from './attempts.ts'
import type { LeftAlone } from './left-alone.ts'
import { type Contender, race } from './race.ts'

export interface FirstPathsDeps {
  readonly ways: Pick<Ways, 'candidates' | 'relays'>
  readonly attempts: Pick<Attempts, 'dialDirect' | 'dialRelayed'>
  readonly leftAlone: Pick<LeftAlone, 'isFree'>
  readonly open: Pick<OpenPaths, 'all'>
  /** How long the direct path is given alone. */
  readonly relayDelayMs: number
}

/** A first attempt through a relay takes some round trips, so the next relay waits for as many before it is tried. */
const RELAYED_ROUND_TRIPS = 8
const MAX_HEAD_START_MS = 2_000

/** Makes a path to a peer that calls wait for. */
export class FirstPaths {
  readonly #deps: FirstPathsDeps
  /** By PeerId: so that flows that come together share one connection. */
  readonly #dials = new Map<string, Promise<Connection>>()

  constructor(deps: FirstPathsDeps) {
    this.#deps = deps
  }

  /**
   * Races the addresses against each other and against the relays.
   *
   * @throws {AggregateError} of the failed attempts; it is empty when there is nothing to try
   */
  async dial(peer: PeerPaths): Promise<Connection> {
    const running = this.#dials.get(peer.peerId)
    if (running !== undefined) return running
    const relayed = this.#deps.ways
      .relays(peer, undefined)
      .map((relay) => this.#relayed(relay, () => this.#dialUnlessLate(relay, peer.peerId)))
    // Without a relay they are tried even if they failed lately.
    const candidates = this.#candidates(peer, relayed.length > 0)
    const dial = race([...this.#direct(candidates, peer.peerId), ...relayed])
    this.#dials.set(peer.peerId, dial)
    try {
      return await dial
    } finally {
      this.#dials.delete(peer.peerId)
    }
  }

  /**
   * Makes another path beside a silent one: through a relay first, as that works most surely.
   *
   * @throws {AggregateError} when there is none
   */
  async dialBeside(peer: PeerPaths, silent: Connection): Promise<Connection> {
    const { ways, attempts } = this.#deps
    const relayInUse = relayOf(silent)
    const relays = ways.relays(peer, undefined).filter(({ peerId }) => peerId !== relayInUse)
    const relayed = relays.map((relay) =>
      this.#relayed(relay, () => attempts.dialRelayed(relay, peer.peerId)),
    )
    const inUse = silent.remoteAddr.toString()
    const others = this.#candidates(peer, true).filter(({ address }) => !inUse.startsWith(`${address}/`))
    return await race([...relayed, ...this.#direct(others, peer.peerId)])
  }

  #candidates(peer: PeerPaths, isPatient: boolean): Candidate[] {
    const { ways, leftAlone } = this.#deps
    const candidates = ways.candidates(peer)
    if (!isPatient) return candidates
    return candidates.filter(({ address }) => leftAlone.isFree(peer.peerId, address.toString()))
  }

  /** They share the time before the relay is tried. */
  #direct(candidates: readonly Candidate[], peerId: string): Contender<Connection>[] {
    return candidates.map(({ address }) => ({
      headStartMs: this.#deps.relayDelayMs / candidates.length,
      run: () => this.#deps.attempts.dialDirect(address, peerId),
    }))
  }

  #relayed({ rttMs }: JoinedRelay, run: () => Promise<Connection>): Contender<Connection> {
    const roundTripsMs = Number.isFinite(rttMs) ? rttMs * RELAYED_ROUND_TRIPS : 0
    return { headStartMs: Math.min(Math.max(this.#deps.relayDelayMs, roundTripsMs), MAX_HEAD_START_MS), run }
  }

  async #dialUnlessLate(relay: JoinedRelay, peerId: string): Promise<Connection> {
    const connection = await this.#deps.attempts.dialRelayed(relay, peerId)
    const direct = this.#deps.open.all(peerId).find(({ id, condition }) => id.direct && condition === 'good')
    if (direct === undefined) return connection
    // Too late, and of no use then.
    await closeConnection(connection)
    return direct.id
  }
}
