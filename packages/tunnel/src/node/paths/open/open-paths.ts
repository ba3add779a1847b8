import type { Connection } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import { relayOf } from '../../../host/connection-parts.ts'
import type { Host } from '../../../host/host.ts'
import { pathOf } from '../../../metrics.ts'
import { FLOW_PROTOCOL } from '../../../protocol/flow.ts'
import type { Hedge } from '../choice/hedge.ts'
import { type ChoosablePath, type PathCondition, usablePaths } from '../choice/path-choice.ts'
import type { PeerPaths } from '../ways/candidates.ts'
import type { Ways } from '../ways/ways.ts'
import type { PathSamples } from './path-samples.ts'
import type { SpareConnections } from './spare-connections.ts'

/** A connection to a peer that is open now. */
export interface OpenPath extends ChoosablePath {
  readonly id: Connection
}

export interface OpenPathsDeps {
  readonly node: Pick<Host['node'], 'getConnections'>
  readonly liveness: Pick<Host['liveness'], 'isSuspect'>
  readonly hedge: Pick<Hedge, 'isOverdue'>
  readonly samples: Pick<PathSamples, 'rttMs' | 'isMeasured' | 'lossShare'>
  readonly spare: Pick<SpareConnections, 'isSpare'>
  readonly ways: Pick<Ways, 'relays'>
}

/** A connection that broke its word is not used for new flows that long; if it is dead, Liveness closes it. */
const AVOID_MS = 15_000

/** The live paths to peers, as they are at this moment. */
export class OpenPaths {
  readonly #deps: OpenPathsDeps
  readonly #avoidedUntil = new WeakMap<Connection, number>()

  constructor(deps: OpenPathsDeps) {
    this.#deps = deps
  }

  /** New before old: an old one may have lost its way unnoticed. */
  all(peerId: string): OpenPath[] {
    return this.#deps.node
      .getConnections(peerIdFromString(peerId))
      .filter(({ status }) => status === 'open')
      .map((connection) => this.#pathOf(connection))
      .toReversed()
  }

  /** Those to choose from: of the relayed ones that through the best relay, and the chosen one, whatever became of it. */
  choosable(peer: PeerPaths, chosen: Connection | undefined): OpenPath[] {
    const all = this.all(peer.peerId)
    const direct = all.filter(({ kind }) => kind !== 'relayed')
    const allRelayed = all.filter(({ kind }) => kind === 'relayed')
    const relayed = usablePaths(allRelayed)
    const best = relayed.length > 1 ? this.#bestRelayed(relayed, peer, chosen) : relayed[0]
    const left = allRelayed.find((path) => path.id === chosen && !relayed.includes(path))
    return [...direct, best, left].filter((path) => path !== undefined)
  }

  avoid(connection: Connection): void {
    this.#avoidedUntil.set(connection, performance.now() + AVOID_MS)
  }

  /** Whether flows that this node opened to that peer are open. */
  hasFlows(peerId: string): boolean {
    return this.#deps.node
      .getConnections(peerIdFromString(peerId))
      .some(({ streams }) =>
        streams.some(({ protocol, direction }) => protocol === FLOW_PROTOCOL && direction === 'outbound'),
      )
  }

  #bestRelayed(relayed: readonly OpenPath[], peer: PeerPaths, chosen: Connection | undefined) {
    const inUse = relayed.find(({ id }) => id === chosen) ?? relayed[0]
    const ranked = this.#deps.ways.relays(peer, inUse && relayOf(inUse.id))
    for (const { peerId } of ranked) {
      const through = relayed.filter(({ id }) => relayOf(id) === peerId)
      const kept = through.find(({ isSpare }) => !isSpare) ?? through[0]
      if (kept !== undefined) return kept
    }
    return relayed[0]
  }

  #pathOf(connection: Connection): OpenPath {
    const { samples, spare } = this.#deps
    return {
      id: connection,
      kind: pathOf(connection),
      rttMs: samples.rttMs(connection),
      isMeasured: samples.isMeasured(connection),
      lossShare: samples.lossShare(connection),
      condition: this.#conditionOf(connection),
      isSpare: spare.isSpare(connection),
    }
  }

  #conditionOf(connection: Connection): PathCondition {
    const { liveness, hedge } = this.#deps
    if (liveness.isSuspect(connection)) return 'silent'
    if (performance.now() < (this.#avoidedUntil.get(connection) ?? 0)) return 'avoided'
    return hedge.isOverdue(connection) ? 'overdue' : 'good'
  }
}
