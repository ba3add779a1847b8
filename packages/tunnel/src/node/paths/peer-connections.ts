import type { NodeName } from '@edgeway/core'
import type { Connection } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import type { Multiaddr } from '@multiformats/multiaddr'
import { localIpOf, relayOf } from '../../host/connection-parts.ts'
import { closeConnection } from '../../host/connections.ts'
import type { AgentHost } from '../../host/host.ts'
import { type PathStatus, pathStatus, reasonOf } from '../path-status.ts'
import { candidatesOf, type PeerPaths } from './candidates.ts'
import { LeftAlone } from './left-alone.ts'
import { PathDialer, type PathDialerDeps } from './path-dialer.ts'
import { type Contender, race } from './race.ts'
import { rankRelays } from './relay-choice.ts'
import { SpareConnections } from './spare-connections.ts'

export interface PeerConnectionsOptions {
  /** How long a connection may take, on whatever path. */
  readonly connectTimeoutMs: number
  /** How long the direct path is given alone. */
  readonly relayDelayMs: number
  /** How long addresses that did not answer are left alone at most, once another path serves. */
  readonly directRetryMs: number
  /** LAN addresses are tried wherever the peer is. Wasteful where sites share subnets. */
  readonly usePrivateAddresses: boolean
}

/** A relay that this node holds a reservation at now. */
export interface JoinedRelay {
  readonly peerId: string
  /** With its PeerId. */
  readonly address: Multiaddr
  /** Round-trip time to it; not finite before it was measured. */
  readonly rttMs: number
}

export interface PeerConnectionsDeps extends Pick<PathDialerDeps, 'metrics' | 'logger'> {
  readonly host: AgentHost
  relays(): readonly JoinedRelay[]
  /** Public IP addresses that tunnel servers see this node come from. */
  egress(): readonly string[]
  /** Multiaddrs that this node listens at. */
  listening(): ReadonlySet<string>
}

/** A connection that broke its word is not used for new flows that long; if it is dead, Liveness closes it. */
const AVOID_MS = 15_000
/** A first attempt through a relay takes some round trips, so the next relay waits for as many before it is tried. */
const RELAYED_ROUND_TRIPS = 8

/**
 * The connections to other nodes: finds the best one for a new flow, or makes one. Whatever is open carries the call at
 * once, and better ways are tried meanwhile; lan and direct ones are better than relayed ones. Connections that Liveness
 * suspects are passed over.
 */
export class PeerConnections {
  readonly #deps: PeerConnectionsDeps
  readonly #options: PeerConnectionsOptions
  readonly #dialer: PathDialer
  readonly #stopping = new AbortController()
  /** By PeerId: dials that flows wait for, so that flows that come together share one connection. */
  readonly #dials = new Map<string, Promise<Connection>>()
  /** PeerIds for which better ways are being tried. */
  readonly #improving = new Set<string>()
  readonly #leftAlone: LeftAlone
  readonly #spare: SpareConnections
  /** By PeerId: of the last attempt, where no path was found. */
  readonly #failures = new Map<string, { readonly at: Date; readonly why: string }>()
  readonly #avoidedUntil = new WeakMap<Connection, number>()

  constructor(options: PeerConnectionsOptions, deps: PeerConnectionsDeps) {
    this.#options = options
    this.#deps = deps
    this.#leftAlone = new LeftAlone(options.directRetryMs)
    this.#spare = new SpareConnections(deps.host.node)
    this.#dialer = new PathDialer(options, {
      ...deps,
      leftAlone: this.#leftAlone,
      stopping: this.#stopping.signal,
    })
  }

  /** @throws {AggregateError} of the failed attempts; it is empty when there is no path to try */
  async connect(peer: PeerPaths): Promise<Connection> {
    this.#leftAlone.note(peer.peerId, [...peer.lan, '', ...peer.direct, '', ...peer.egress].join())
    const open = this.#bestOpen(peer)
    if (open === undefined) return this.#firstOf(peer)
    if (!open.direct) this.#improve(peer, open)
    return open
  }

  /** New flows take another connection for a while: this one did not take one. Closed when its streams have ended. */
  avoid(connection: Connection): void {
    this.#avoidedUntil.set(connection, performance.now() + AVOID_MS)
    this.#spare.add(connection)
  }

  /** The peer is no member any more: what was learned of it goes. */
  forget(peerId: string): void {
    this.#leftAlone.forget(peerId)
    this.#failures.delete(peerId)
  }

  /** By node: the connections that there are now, and why a peer that was called lately has none. For people. */
  status(nodeOf: (peerId: string) => NodeName | undefined): readonly PathStatus[] {
    const { node, liveness } = this.#deps.host
    const open = node.getConnections().flatMap((connection) => {
      const of = nodeOf(connection.remotePeer.toString())
      return of === undefined ? [] : [pathStatus(of, connection, liveness)]
    })
    const failed = [...this.#failures].flatMap(([peerId, { at, why }]) => {
      const of = nodeOf(peerId)
      const isReached = open.some(({ node }) => node === of)
      return of === undefined || isReached ? [] : [{ node: of, path: null, since: at.toISOString(), why }]
    })
    return [...open, ...failed].toSorted((a, b) => a.node.localeCompare(b.node))
  }

  /**
   * The addresses of this host changed: what is bound to one that is gone ends at once, the rest is asked whether it still
   * lives, and all addresses of peers are worth a new attempt.
   */
  addressesChanged(gone: ReadonlySet<string>): void {
    this.#leftAlone.clear()
    const { node, liveness } = this.#deps.host
    for (const connection of node.getConnections()) {
      const localIp = localIpOf(connection)
      if (localIp !== undefined && gone.has(localIp)) {
        connection.abort(new Error(`this host has no address ${localIp} any more`))
      } else liveness.ask(connection)
    }
  }

  /** Gives up all dials under way, and closes the connections to other nodes. */
  async stop(): Promise<void> {
    this.#stopping.abort()
    this.#spare[Symbol.dispose]()
    const servers = new Set(this.#deps.relays().map(({ peerId }) => peerId))
    const connections = this.#deps.host.node.getConnections()
    const peers = connections.filter(({ remotePeer }) => !servers.has(remotePeer.toString()))
    await Promise.all(peers.map(closeConnection))
  }

  #connectionsTo(peerId: string): Connection[] {
    return this.#deps.host.node.getConnections(peerIdFromString(peerId))
  }

  /** Direct before relayed, the better relay first, new before old: an old one may have lost its way unnoticed. */
  #bestOpen(peer: PeerPaths): Connection | undefined {
    const usable = this.#usable(peer.peerId).toReversed()
    const direct = usable.find((connection) => connection.direct)
    if (direct !== undefined || usable.length === 0) return direct
    const [inUse] = usable.map(relayOf)
    const ranked = rankRelays(this.#deps.relays(), peer.relays, inUse)
    for (const { peerId } of ranked) {
      const through = usable.find((connection) => relayOf(connection) === peerId)
      if (through !== undefined) return through
    }
    return usable[0]
  }

  #usable(peerId: string): Connection[] {
    const { liveness } = this.#deps.host
    return this.#connectionsTo(peerId).filter(
      (connection) =>
        connection.status === 'open' && !this.#isAvoided(connection) && !liveness.isSuspect(connection),
    )
  }

  #isAvoided(connection: Connection): boolean {
    return performance.now() < (this.#avoidedUntil.get(connection) ?? 0)
  }

  async #firstOf(peer: PeerPaths): Promise<Connection> {
    const running = this.#dials.get(peer.peerId)
    if (running !== undefined) return running
    const ranked = rankRelays(this.#deps.relays(), peer.relays, undefined)
    const relayed = ranked.map((relay) => this.#relayedContender(relay, peer))
    // Without a relay they are tried even if they failed lately.
    const candidates = this.#candidates(peer, relayed.length > 0)
    const dial = race([...this.#directContenders(peer, candidates), ...relayed])
    this.#dials.set(peer.peerId, dial)
    try {
      const connection = await dial
      this.#failures.delete(peer.peerId)
      return connection
    } catch (error) {
      this.#failures.set(peer.peerId, { at: new Date(), why: reasonOf(error) })
      throw error
    } finally {
      this.#dials.delete(peer.peerId)
    }
  }

  /** Tries what is better than the open one, while that carries the calls. */
  #improve(peer: PeerPaths, open: Connection): void {
    if (this.#improving.has(peer.peerId) || this.#stopping.signal.aborted) return
    const inUse = relayOf(open)
    const [best] = rankRelays(this.#deps.relays(), peer.relays, inUse)
    const isBetter =
      best !== undefined &&
      best.peerId !== inUse &&
      this.#leftAlone.isFree(peer.peerId, best.address.toString())
    const better = isBetter ? [this.#relayedContender(best, peer)] : []
    const contenders = [...this.#directContenders(peer, this.#candidates(peer, true)), ...better]
    if (contenders.length === 0) return
    this.#improving.add(peer.peerId)
    // All of them end before the next round; a failure leaves its address alone, which is all that follows from it.
    const runs = contenders.map(({ run }) => run())
    void Promise.allSettled(runs).then(() => this.#improving.delete(peer.peerId))
  }

  #candidates(peer: PeerPaths, isPatient: boolean): Multiaddr[] {
    const { usePrivateAddresses } = this.#options
    const { egress, listening } = this.#deps
    const place = { egress: egress(), listening: listening(), usePrivateAddresses }
    const candidates = candidatesOf(peer, place)
    return isPatient
      ? candidates.filter((address) => this.#leftAlone.isFree(peer.peerId, address.toString()))
      : candidates
  }

  /** They share the time before the relay is tried. */
  #directContenders(peer: PeerPaths, candidates: readonly Multiaddr[]): Contender<Connection>[] {
    return candidates.map((address) => ({
      headStartMs: this.#options.relayDelayMs / candidates.length,
      run: () => this.#dialer.dialDirect(address, peer.peerId),
    }))
  }

  #relayedContender({ address, rttMs }: JoinedRelay, { peerId }: PeerPaths): Contender<Connection> {
    const roundTripsMs = Number.isFinite(rttMs) ? rttMs * RELAYED_ROUND_TRIPS : 0
    return {
      headStartMs: Math.min(Math.max(this.#options.relayDelayMs, roundTripsMs), 2_000),
      run: async () => {
        const connection = await this.#dialer.dialRelayed(address, peerId)
        const direct = this.#usable(peerId).findLast((each) => each.direct)
        if (direct === undefined) return connection
        // Too late, and of no use then.
        await closeConnection(connection)
        return direct
      },
    }
  }
}
