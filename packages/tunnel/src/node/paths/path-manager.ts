import type { NodeName } from '@edgeway/core'
import type { Connection } from '@libp2p/interface'
import { localIpOf, onInboundStream } from '../../host/connection-parts.ts'
import { closeConnection } from '../../host/connections.ts'

import { callPatienceMs } from './call-patience.ts'
import type { AwaitedAnswer } from './choice/hedge.ts'

import {
  createPathParts,
  type PathManagerDeps,
  type PathManagerOptions,
  type PathParts,
} from './path-parts.ts'
import type { NoPath } from './status/path-report.ts'
import { type PathStatus, reasonOf } from './status/path-status.ts'
import { WakeLimit } from './wake-limit.ts'
import type { PeerPaths } from './ways/candidates.ts'
import type { OwnPlaces } from './ways/ways.ts'

/** Peers in use are looked after that often. */
const LOOK_MS = 1_000
/** What changes on this host makes all that failed worth another attempt: so many times at once, then now and then. */
const WAKES = { burst: 3, everyMs: 10_000 }

/**
 * The paths to other nodes: keeps those that are open, chooses the one that new flows take, or makes one. Whatever is open
 * carries the call at once, and better ways are tried meanwhile, as long as the peer is in use. Established flows stay where
 * they are.
 */
export class PathManager {
  readonly #deps: PathManagerDeps
  readonly #parts: PathParts
  readonly #stopping = new AbortController()
  readonly #wakes = new WakeLimit(() => this.#freeAll(), WAKES)
  readonly #timer = setInterval(() => this.#look(), LOOK_MS)
  /** By PeerId: of the last attempt, where no path was found. */
  readonly #failures = new Map<string, NoPath>()
  #ownPlaces: OwnPlaces
  #hasMoved = false

  constructor(options: PathManagerOptions, deps: PathManagerDeps) {
    this.#deps = deps
    this.#parts = createPathParts(options, deps, {
      stopping: this.#stopping.signal,
      prepare: (peer, silent) => this.#prepare(peer, silent),
      failed: (peerId) => this.#lookAfter(peerId),
    })
    this.#ownPlaces = this.#parts.ways.ownPlaces()
    deps.host.node.addEventListener('connection:open', this.#opened)
  }

  /**
   * The connection that a new flow takes, made where none is open.
   *
   * @throws {AggregateError} of the failed attempts; it is empty when there is no path to try
   */
  async connect(peer: PeerPaths): Promise<Connection> {
    const { used, chosen, spare } = this.#parts
    const isNews = used.called(peer)
    if (isNews) {
      this.#noticeOwnPlaces()
      this.#note(peer)
    }
    const path = chosen.choose(peer)
    if (path === undefined) return await this.#connect(peer)
    spare.used(path.id)
    if (isNews) this.#lookAfter(peer.peerId)
    return path.id
  }

  /** As of `Dialer`, for a call to that peer. */
  patienceMs(peerId: string): number {
    const good = this.#parts.open.all(peerId).filter(({ condition }) => condition === 'good')
    return callPatienceMs({
      openRttMs: good.map(({ rttMs }) => rttMs),
      relayRttMs: this.#deps.relays().map(({ rttMs }) => rttMs),
      reachedMs: this.#parts.dialer.reachedMs(peerId),
    })
  }

  /** To be called when a flow is opened on that connection, and disposed of once it was answered. */
  awaitAnswer(peer: PeerPaths, connection: Connection): AwaitedAnswer {
    return this.#parts.hedge.watch(peer, connection)
  }

  /** New flows take another connection for a while: this one did not take one. Closed when its streams have ended. */
  avoid(connection: Connection): void {
    this.#parts.open.avoid(connection)
    this.#parts.spare.add(connection)
  }

  /** The peer is no member any more: what was learned of it goes. */
  forget(peerId: string): void {
    const { leftAlone, used, chosen } = this.#parts
    for (const part of [leftAlone, used, chosen]) part.forget(peerId)
    this.#failures.delete(peerId)
  }

  /** By node: the paths that there are now, and why a peer that was called lately has none, or no better one. For people. */
  status(nodeOf: (peerId: string) => NodeName | undefined): readonly PathStatus[] {
    return this.#parts.report.status(nodeOf, this.#failures)
  }

  /**
   * The addresses of this host changed: what is bound to one that is gone ends at once, the rest is asked whether it still
   * lives, and all that failed is worth a new attempt.
   */
  addressesChanged(gone: ReadonlySet<string>): void {
    const { node, liveness } = this.#deps.host
    for (const connection of node.getConnections()) {
      const localIp = localIpOf(connection)
      if (localIp !== undefined && gone.has(localIp)) {
        connection.abort(new Error(`this host has no address ${localIp} any more`))
      } else liveness.ask(connection)
    }
    this.#parts.silent.clear()
    this.#wake(true)
  }

  /** A peer announced itself on this LAN. */
  neighbourFound(peerId: string): void {
    this.#parts.leftAlone.free(peerId)
    this.#lookAfter(peerId)
  }

  /** Another record of a peer is known. */
  recordChanged(peer: PeerPaths): void {
    if (!this.#parts.used.changed(peer)) return
    this.#note(peer)
    this.#lookAfter(peer.peerId)
  }

  /** The NATs of this node are known, or others than before. */
  natChanged(): void {
    this.#wake(false)
  }

  /** Gives up all attempts under way, and closes the connections to other nodes. */
  async stop(): Promise<void> {
    this.#stopping.abort()
    clearInterval(this.#timer)
    const { node } = this.#deps.host
    node.removeEventListener('connection:open', this.#opened)
    for (const part of [this.#wakes, this.#parts.spare, this.#parts.hedge]) part[Symbol.dispose]()
    const servers = new Set(this.#deps.relays().map(({ peerId }) => peerId))
    const peers = node.getConnections().filter(({ remotePeer }) => !servers.has(remotePeer.toString()))
    await Promise.all(peers.map(closeConnection))
  }

  /** What the other side uses is not closed as spare. */
  readonly #opened = ({ detail }: CustomEvent<Connection>): void => {
    onInboundStream(detail, () => this.#parts.spare.used(detail))
  }

  async #connect(peer: PeerPaths): Promise<Connection> {
    const { first, chosen } = this.#parts
    try {
      const connection = await first.dial(peer)
      this.#failures.delete(peer.peerId)
      chosen.choose(peer)
      this.#lookAfter(peer.peerId)
      return connection
    } catch (error) {
      this.#failures.set(peer.peerId, { at: new Date(), why: reasonOf(error) })
      throw error
    }
  }

  async #prepare(peer: PeerPaths, silent: Connection): Promise<boolean> {
    const { open, first } = this.#parts
    const isOther = open.all(peer.peerId).some(({ id, condition }) => id !== silent && condition === 'good')
    if (isOther || this.#stopping.signal.aborted) return isOther
    try {
      await first.dialBeside(peer, silent)
      return true
    } catch {
      // There is no other way now; each attempt has left its trace.
      return false
    }
  }

  #look(): void {
    const { used, chosen, report, counts, silent, open } = this.#parts
    for (const peerId of used.review()) chosen.forget(peerId)
    this.#noticeOwnPlaces()
    const peers = used.all().map((peer) => {
      this.#note(peer)
      this.#lookAfter(peer.peerId)
      const paths = open.all(peer.peerId)
      silent.look(paths)
      const inUse = paths.find(({ id }) => chosen.sinceOf(peer.peerId, id) !== undefined)
      return { path: inUse?.kind, missing: report.missing(peer.peerId, paths, inUse) }
    })
    counts.set(peers)
  }

  /** Chooses anew, and tries what may be better. Only for peers in use. */
  #lookAfter(peerId: string): void {
    const { used, chosen, open, samples, improvement } = this.#parts
    const peer = used.get(peerId)
    if (peer === undefined || this.#stopping.signal.aborted) return
    chosen.choose(peer)
    const paths = open.all(peerId)
    const usable = paths.filter(({ condition }) => condition === 'good')
    samples.sample(paths, usable.length > 1)
    improvement.round(peer, paths)
  }

  /** Another record of the peer, or another announcement, frees what failed with it. */
  #note(peer: PeerPaths): void {
    this.#parts.leftAlone.note(peer.peerId, this.#parts.ways.editionOf(peer))
  }

  /** This node comes from another public address, or has another relay. */
  #noticeOwnPlaces(): void {
    const places = this.#parts.ways.ownPlaces()
    const before = this.#ownPlaces
    this.#ownPlaces = places
    const hasMoved = !places.egress.isSubsetOf(before.egress)
    if (hasMoved || !places.relays.isSubsetOf(before.relays)) this.#wake(hasMoved)
  }

  /** @param hasMoved - this host is elsewhere than before */
  #wake(hasMoved: boolean): void {
    this.#hasMoved ||= hasMoved
    this.#wakes.wake()
  }

  #freeAll(): void {
    const { leftAlone, used } = this.#parts
    leftAlone.clear(this.#hasMoved)
    this.#hasMoved = false
    for (const { peerId } of used.all()) this.#lookAfter(peerId)
  }
}
