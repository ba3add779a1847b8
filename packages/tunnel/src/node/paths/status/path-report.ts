import type { NodeName } from '@edgeway/core'
import type { Host } from '../../../host/host.ts'
import type { Attempts } from '../attempts/attempts.ts'
import { PUNCHING } from '../attempts/improvement.ts'
import type { LeftAlone } from '../attempts/left-alone.ts'
import type { ChosenPaths } from '../choice/chosen-paths.ts'
import { choosePath } from '../choice/path-choice.ts'
import type { OpenPath, OpenPaths } from '../open/open-paths.ts'
import type { HolePuncher } from '../path-ports.ts'
import type { UsedPeers } from '../used-peers.ts'
import type { PeerPaths } from '../ways/candidates.ts'
import type { Ways } from '../ways/ways.ts'
import { type KnownAttempt, type MissingPath, missingPaths } from './missing-paths.ts'
import { type PathStatus, pathFacts } from './path-status.ts'

/** The last attempt to reach a peer, when it found no path. */
export interface NoPath {
  readonly at: Date
  readonly why: string
}

export interface PathReportDeps {
  readonly node: Pick<Host['node'], 'getConnections'>
  readonly used: Pick<UsedPeers, 'get'>
  readonly open: Pick<OpenPaths, 'all'>
  readonly chosen: Pick<ChosenPaths, 'sinceOf'>
  readonly ways: Ways
  readonly attempts: Pick<Attempts, 'isRunning'>
  readonly leftAlone: Pick<LeftAlone, 'waitOf'>
  readonly puncher: Pick<HolePuncher, 'obstacle'>
}

/** Tells people which path leads to which node, and why no better one. */
export class PathReport {
  readonly #deps: PathReportDeps

  constructor(deps: PathReportDeps) {
    this.#deps = deps
  }

  /** By node: of each that a connection leads to, and of those that were called in vain. */
  status(
    nodeOf: (peerId: string) => NodeName | undefined,
    failures: ReadonlyMap<string, NoPath>,
  ): PathStatus[] {
    const connected = this.#deps.node.getConnections().map(({ remotePeer }) => remotePeer.toString())
    const all = [...new Set([...connected, ...failures.keys()])].map((peerId) => {
      const node = nodeOf(peerId)
      return node && this.#statusOf(peerId, node, failures.get(peerId))
    })
    return all.filter((status) => status !== undefined).toSorted((a, b) => a.node.localeCompare(b.node))
  }

  /** Why a peer that is in use has no path of a better kind than that one. */
  missing(peerId: string, paths: readonly OpenPath[], inUse: OpenPath | undefined): MissingPath[] {
    const { used, ways } = this.#deps
    const peer = used.get(peerId)
    const now = { ms: performance.now(), date: new Date() }
    const known = {
      isInUse: peer !== undefined,
      inUse: inUse?.kind,
      open: paths.filter((path) => path !== inUse),
      addresses: peer === undefined ? { lan: [], direct: [] } : this.#addresses(peer),
      isElsewhere: peer !== undefined && peer.lan.length > 0 && !ways.maySharePlace(peer),
    }
    return missingPaths({ ...known, punching: this.#punching(peerId, peer) }, now)
  }

  #statusOf(peerId: string, node: NodeName, failure: NoPath | undefined): PathStatus | undefined {
    const { open, chosen } = this.#deps
    const paths = open.all(peerId)
    const inUse =
      paths.find(({ id }) => chosen.sinceOf(peerId, id) !== undefined) ??
      choosePath(paths, undefined, 0)?.path ??
      paths[0]
    const better = this.missing(peerId, paths, inUse)
    if (inUse === undefined)
      return failure && { node, path: null, since: failure.at.toISOString(), why: failure.why, better }
    const others = paths.filter((path) => path !== inUse).map((path) => pathFacts(path))
    return { node, ...pathFacts(inUse, chosen.sinceOf(peerId, inUse.id)), others, better }
  }

  #addresses(peer: PeerPaths): Record<'lan' | 'direct', KnownAttempt[]> {
    const all = this.#deps.ways.candidates(peer)
    const of = (wanted: 'lan' | 'direct'): KnownAttempt[] =>
      all
        .filter(({ kind }) => kind === wanted)
        .map(({ address }) => this.#attempt(peer.peerId, address.toString()))
    return { lan: of('lan'), direct: of('direct') }
  }

  #punching(peerId: string, peer: PeerPaths | undefined) {
    const obstacle = peer && this.#deps.puncher.obstacle(peer)
    return { ...this.#attempt(peerId, PUNCHING), name: 'hole punching', obstacle }
  }

  #attempt(peerId: string, key: string): KnownAttempt {
    const { attempts, leftAlone } = this.#deps
    return { name: key, isRunning: attempts.isRunning(peerId, key), wait: leftAlone.waitOf(peerId, key) }
  }
}
