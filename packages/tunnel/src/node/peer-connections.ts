import type { Connection } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import { type Multiaddr, multiaddr } from '@multiformats/multiaddr'
import { isPublic, parsePeerAddress } from '../addresses.ts'
import { closeConnection } from '../host/connections.ts'
import type { AgentHost } from '../host/host.ts'
import type { PeerRecord } from '../protocol/registry.ts'
import { type Contender, race } from './race.ts'

export interface PeerConnectionsOptions {
  /** How long a connection may take, on whatever path. */
  readonly connectTimeoutMs: number
  /** How long the direct path is given alone. */
  readonly relayDelayMs: number
  /** How long addresses that did not answer are left alone while the relay does. */
  readonly directRetryMs: number
  /** Private addresses are dialled too. Wrong where sites share subnets. */
  readonly usePrivateAddresses: boolean
}

/** A connection that did not answer is not used for new flows that long; if it is dead, the monitor closes it. */
const AVOID_MS = 15_000

/**
 * The connections to other nodes: finds the best one for a new flow, or makes one. Direct ones are preferred; the relay
 * carries the call while a direct one is still being tried.
 */
export class PeerConnections {
  readonly #host: AgentHost
  readonly #options: PeerConnectionsOptions
  readonly #relays: () => readonly Multiaddr[]
  readonly #stopping = new AbortController()
  /** By PeerId: dials under way, so that flows that come together share one connection. */
  readonly #dials = new Map<string, Promise<Connection>>()
  /** By what the registry said last of the peer: new addresses are tried at once. */
  readonly #directFailedAt = new WeakMap<PeerRecord, number>()
  readonly #avoidedUntil = new WeakMap<Connection, number>()

  /** @param relays - the relays that this node is joined to now, with their PeerIds */
  constructor(host: AgentHost, options: PeerConnectionsOptions, relays: () => readonly Multiaddr[]) {
    this.#host = host
    this.#options = options
    this.#relays = relays
  }

  /** @throws {AggregateError} of the failed attempts; it is empty when there is no path to try */
  async connect(peer: PeerRecord): Promise<Connection> {
    const existing = this.#existing(peer.peerId)
    const canTryDirect = this.#directAddresses(peer).length > 0 && !this.#hasDirectFailed(peer)
    if (existing !== undefined && (existing.direct || !canTryDirect)) return existing
    const running = this.#dials.get(peer.peerId)
    if (running !== undefined) return running

    const dial = race([...this.#directContenders(peer), ...this.#relayedContenders(peer, existing)])
    this.#dials.set(peer.peerId, dial)
    try {
      const connection = await dial
      // The direct addresses that have not answered by now may still do, but the next flows do not wait for them.
      if (!connection.direct && canTryDirect) this.#directFailedAt.set(peer, performance.now())
      return connection
    } finally {
      this.#dials.delete(peer.peerId)
    }
  }

  /** New flows take another connection for a while: this one did not answer. Closed when nothing else is on it. */
  avoid(connection: Connection): void {
    this.#avoidedUntil.set(connection, performance.now() + AVOID_MS)
    if (connection.streams.length === 0) void closeConnection(connection)
  }

  /** Closes all connections to a peer that must not be talked to any more. */
  drop(peerId: string): void {
    for (const connection of this.#host.node.getConnections(peerIdFromString(peerId))) {
      connection.abort(new Error('the peer is no member any more'))
    }
  }

  /** Gives up all dials under way, and closes the connections to other nodes. */
  async stop(): Promise<void> {
    this.#stopping.abort()
    const servers = new Set(this.#relays().map((relay) => relay.getComponents().at(-1)?.value))
    const connections = this.#host.node.getConnections()
    const peers = connections.filter(({ remotePeer }) => !servers.has(remotePeer.toString()))
    await Promise.all(peers.map(closeConnection))
  }

  /** Direct before relayed, new before old: an old one may have lost its way without anybody having noticed. */
  #existing(peerId: string): Connection | undefined {
    const usable = this.#host.node
      .getConnections(peerIdFromString(peerId))
      .filter((connection) => connection.status === 'open' && !this.#isAvoided(connection))
    return usable.findLast(({ direct }) => direct) ?? usable.at(-1)
  }

  #isAvoided(connection: Connection): boolean {
    return performance.now() < (this.#avoidedUntil.get(connection) ?? 0)
  }

  #directAddresses({ addresses }: PeerRecord): Multiaddr[] {
    return addresses
      .map(parsePeerAddress)
      .filter((address) => address !== undefined)
      .filter((address) => this.#options.usePrivateAddresses || isPublic(address))
  }

  #hasDirectFailed(peer: PeerRecord): boolean {
    const failedAt = this.#directFailedAt.get(peer) ?? Number.NEGATIVE_INFINITY
    return performance.now() - failedAt < this.#options.directRetryMs
  }

  /** They share the time before the relay is tried; without a relay they are tried even if they failed lately. */
  #directContenders(peer: PeerRecord): Contender<Connection>[] {
    if (this.#hasDirectFailed(peer) && this.#relays().length > 0) return []
    const addresses = this.#directAddresses(peer)
    return addresses.map((address) => ({
      headStartMs: this.#options.relayDelayMs / addresses.length,
      run: () => this.#dialDirect(address, peer),
    }))
  }

  #relayedContenders({ peerId }: PeerRecord, existing: Connection | undefined): Contender<Connection>[] {
    const headStartMs = this.#options.relayDelayMs
    if (existing !== undefined) return [{ headStartMs, run: () => Promise.resolve(existing) }]
    return this.#relays().map((relay) => ({ headStartMs, run: () => this.#dialRelayed(relay, peerId) }))
  }

  async #dialDirect(address: Multiaddr, peer: PeerRecord): Promise<Connection> {
    try {
      const connection = await this.#dial(`${address}/p2p/${peer.peerId}`)
      this.#directFailedAt.delete(peer)
      return connection
    } catch (error) {
      this.#directFailedAt.set(peer, performance.now())
      throw error
    }
  }

  /** Closed again when a direct one was first: it is of no use then. */
  async #dialRelayed(relay: Multiaddr, peerId: string): Promise<Connection> {
    const connection = await this.#dial(`${relay}/p2p-circuit/p2p/${peerId}`)
    const best = this.#existing(peerId)
    if (best === undefined || !best.direct) return connection
    await closeConnection(connection)
    return best
  }

  /** @throws {TimeoutError} when the time is up; libp2p's own error for that depends on the step it happened in */
  async #dial(address: string): Promise<Connection> {
    const timeout = AbortSignal.timeout(this.#options.connectTimeoutMs)
    try {
      return await this.#host.dial(multiaddr(address), AbortSignal.any([this.#stopping.signal, timeout]))
    } catch (error) {
      throw timeout.aborted ? timeout.reason : error
    }
  }
}
