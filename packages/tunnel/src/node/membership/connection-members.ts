import { type Logger, limitedWarn } from '@edgeway/core'
import type { Connection, Stream } from '@libp2p/interface'
import { closeConnection } from '../../host/connections.ts'
import { patienceMs, StrictDeadline } from '../../host/patience.ts'
import { StreamDuplex } from '../../host/stream-duplex.ts'
import type { Membership, MembershipVerdict } from '../../identity/membership.ts'
import type { TunnelMetrics } from '../../metrics.ts'
import type { ConnectionRefusal, RefusedMessage } from '../../protocol/membership.ts'
import type { PeerBook, PeerChange } from '../../records/peer-book.ts'
import { answerMembership, askMembership, tellRefused } from './membership-exchange.ts'
import type { NodeIdentity } from './node-identity.ts'

export interface ConnectionMembersDeps {
  readonly identity: NodeIdentity
  readonly book: PeerBook
  readonly metrics: TunnelMetrics
  readonly logger: Logger
  /** How long an unknown peer has to say who it is, at least. */
  readonly unknownPeerWaitMs: number
  /** In milliseconds; `undefined` where it was not measured. */
  rtt(connection: Connection): number | undefined
  connections(): readonly Connection[]
}

type Verdict = MembershipVerdict & { readonly isTold?: boolean }

/** A refused remote has so long to be told why, at least. */
const TELL_TIMEOUT_MS = 1_000

/**
 * Knows which node is at the other end of each connection to another agent, and closes those to whom is no member, or is
 * none any more. A peer of the book costs no round trip. Both sides count and log each refusal with its reason.
 */
export class ConnectionMembers {
  readonly #deps: ConnectionMembersDeps
  readonly #warn: Logger['warn']
  readonly #asked = new WeakMap<Connection, Promise<Verdict>>()
  /** Certificates of peers that the book does not know. */
  readonly #shown = new WeakMap<Connection, string>()
  readonly #closing = new WeakSet<Connection>()
  readonly #stopping = new AbortController()

  constructor(deps: ConnectionMembersDeps) {
    this.#deps = deps
    this.#warn = limitedWarn(deps.logger)
  }

  /**
   * Of the node at the other end, once it is known; `undefined` when it is refused: the connection is closed then.
   * Never rejects.
   */
  async memberOf(connection: Connection): Promise<Membership | undefined> {
    if (this.#closing.has(connection)) return undefined
    const verdict = this.#known(connection) ?? (await this.#ask(connection))
    if (verdict.kind === 'member') return verdict.membership
    void this.#refuse(connection, verdict)
    return undefined
  }

  /** To be called for each connection that another agent has opened. */
  opened(connection: Connection): void {
    if (connection.direction === 'inbound') void this.memberOf(connection)
  }

  /** Serves the membership protocol. Never rejects. */
  async serve(libp2pStream: Stream, connection: Connection): Promise<void> {
    const stream = new StreamDuplex(libp2pStream)
    stream.on('error', () => {})
    using deadline = this.#deadline(connection, this.#deps.unknownPeerWaitMs + TELL_TIMEOUT_MS)
    const signal = AbortSignal.any([this.#stopping.signal, deadline.signal])
    try {
      const refusal = await answerMembership(stream, this.#deps.identity, signal)
      if (refusal === undefined) return
      this.#refusedBy(connection, refusal)
      stream.end()
    } catch (error) {
      this.#deps.logger.debug('exchange about membership failed', {
        peer: connection.remotePeer.toString(),
        error,
      })
      stream.destroy()
    }
  }

  /** Judges all connections anew: to be called when trust has changed, and now and then, as certificates expire. */
  review(): void {
    for (const connection of this.#deps.connections()) {
      const certificate = this.#shown.get(connection)
      if (certificate === undefined || this.#inBook(connection) !== undefined) continue
      const verdict = this.#judge(connection, certificate)
      if (verdict.kind === 'refused') void this.#refuse(connection, verdict)
    }
  }

  /** Closes the connections to a peer that left the book. */
  dropped({ record, reason, message }: Extract<PeerChange, { kind: 'removed' }>): void {
    for (const connection of this.#deps.connections()) {
      if (connection.remotePeer.toString() !== record.peerId) continue
      this.#asked.delete(connection)
      this.#shown.delete(connection)
      void this.#refuse(connection, { reason, message })
    }
  }

  stop(): void {
    this.#stopping.abort()
  }

  /** What is known without a round trip. */
  #known(connection: Connection): Verdict | undefined {
    const membership = this.#inBook(connection)
    if (membership !== undefined) return { kind: 'member', membership }
    const shown = this.#shown.get(connection)
    return shown === undefined ? undefined : this.#judge(connection, shown)
  }

  #inBook({ remotePeer }: Connection): Membership | undefined {
    return this.#deps.book.byPeerId(remotePeer.toString())?.membership
  }

  #judge({ remotePeer }: Connection, certificate: string): Verdict {
    const { trust } = this.#deps.identity
    if (trust !== undefined) return trust.judge(certificate, { peerId: remotePeer.toString(), role: 'agent' })
    return { kind: 'refused', reason: 'unknown-signer', message: 'this node belongs to no cluster yet' }
  }

  #ask(connection: Connection): Promise<Verdict> {
    const running = this.#asked.get(connection)
    if (running !== undefined) return running
    const asking = this.#askOrWait(connection)
    this.#asked.set(connection, asking)
    return asking
  }

  async #askOrWait(connection: Connection): Promise<Verdict> {
    const { identity, unknownPeerWaitMs } = this.#deps
    using deadline = this.#deadline(connection, unknownPeerWaitMs)
    const signal = AbortSignal.any([this.#stopping.signal, deadline.signal])
    try {
      const verdict = await askMembership(connection, identity, signal)
      if (verdict.kind === 'member') this.#shown.set(connection, verdict.certificate)
      return verdict
    } catch (error) {
      // The registry's word may have come meanwhile.
      const known = this.#known(connection)
      if (known !== undefined) return known
      const why = error instanceof Error ? error.message : String(error)
      return {
        kind: 'refused',
        reason: 'no-certificate',
        message: `the peer did not show its certificate: ${why}`,
      }
    }
  }

  async #refuse(
    connection: Connection,
    {
      reason,
      message,
      isTold = false,
    }: {
      readonly reason: ConnectionRefusal
      readonly message: string
      readonly isTold?: boolean
    },
  ): Promise<void> {
    if (this.#closing.has(connection) || connection.status !== 'open') return
    this.#closing.add(connection)
    const peer = connection.remotePeer.toString()
    this.#deps.metrics.refusedPeers.add({ reason })
    this.#warn('closes a connection to a peer that is no member', {
      peer,
      reason,
      explanation: message,
      address: connection.remoteAddr.toString(),
    })
    using deadline = this.#deadline(connection, TELL_TIMEOUT_MS)
    const signal = AbortSignal.any([this.#stopping.signal, deadline.signal])
    if (!isTold) await tellRefused(connection, { reason, message }, signal)
    connection.abort(new Error(`the peer is no member: ${reason}`))
  }

  /** A stranger whose multiplexer does not even answer is one of no way at all. */
  #deadline(connection: Connection, floorMs: number): StrictDeadline {
    return new StrictDeadline(floorMs, () => {
      const rttMs = this.#deps.rtt(connection)
      return rttMs === undefined ? floorMs : patienceMs({ roundTrips: 2, rttMs, floorMs })
    })
  }

  #refusedBy(connection: Connection, { reason, message }: RefusedMessage): void {
    this.#deps.metrics.refusals.add({ by: 'peer', reason })
    const peer = connection.remotePeer.toString()
    this.#warn('a peer refuses this node', {
      peer,
      node: this.#deps.book.byPeerId(peer)?.node,
      reason,
      explanation: message,
    })
    void closeConnection(connection)
  }
}
