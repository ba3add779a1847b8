import { join } from 'node:path'
import type { Logger, NodeName } from '@edgeway/core'
import type { Connection, PrivateKey } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'
import { withoutPeerId } from '../addresses.ts'
import { JoinTokenError } from '../errors.ts'
import type { AgentHost, Host } from '../host/host.ts'
import type { Clock } from '../identity/clock.ts'
import type { MembershipVerdict } from '../identity/membership.ts'
import type { TunnelMetrics } from '../metrics.ts'
import { MEMBERSHIP_PROTOCOL } from '../protocol/membership.ts'
import { PeerBook } from '../records/peer-book.ts'
import { MAX_RELAYS, type PeerRecord } from '../records/peer-record.ts'
import { PeerStore } from '../records/peer-store.ts'
import { PrivateFile } from '../state/private-file.ts'
import type { TunnelOptions } from '../tunnel-options.ts'
import { PeerLookup } from './dht/peer-lookup.ts'
import { memberStatus } from './member-status.ts'
import { ConnectionMembers } from './membership/connection-members.ts'
import { readJoinTokenFile, type UsableTokens } from './membership/join-token-file.ts'
import { MEMBERSHIP_STREAMS } from './membership/membership-exchange.ts'
import { NodeIdentity } from './membership/node-identity.ts'
import { Renewal } from './membership/renewal.ts'
import { NatObserver } from './nat/nat-observer.ts'
import { InterfaceReader, podNetworkAddresses } from './own-reach/interfaces.ts'
import { ownAddresses } from './own-reach/own-addresses.ts'
import { OwnRecord } from './own-reach/own-record.ts'
import { AnnouncedRelays } from './sessions/announced-relays.ts'
import type { JoinedServer } from './sessions/held-session.ts'
import { ServerClaims } from './sessions/server-claims.ts'
import { ServerSession } from './sessions/server-session.ts'

export type ClusterMemberOptions = Pick<
  TunnelOptions,
  'announceAddresses' | 'dataDir' | 'joinTimeoutMs' | 'joinTokenFile' | 'labels' | 'unknownPeerWaitMs'
>

export interface ClusterMemberDeps {
  readonly nodeName: NodeName
  readonly key: PrivateKey
  readonly metrics: TunnelMetrics
  readonly logger: Logger
  readonly clock?: Clock | undefined
  /** Multiaddrs that a router maps to this node. */
  mapped(): readonly string[]
  /** Called after each change of `joined`, of the book, or of the certificate. */
  changed(): void
}

/** Certificates expire without any other event. */
const REVIEW_INTERVAL_MS = 5_000

/**
 * This node as a member of its cluster: its identity, its sessions with the tunnel servers, what it knows of the other
 * members, and who of those may be connected to it.
 */
export class ClusterMember implements AsyncDisposable {
  readonly identity: NodeIdentity
  readonly book: PeerBook
  readonly lookup: PeerLookup
  readonly connections: ConnectionMembers
  readonly nat: NatObserver
  readonly #options: ClusterMemberOptions
  readonly #deps: ClusterMemberDeps
  readonly #ownRecord: OwnRecord
  readonly #relays = new AnnouncedRelays()
  readonly #store: PeerStore
  #host: Host | undefined
  #sessions: readonly ServerSession[] = []
  #renewal: Renewal | undefined
  #reviewTimer: NodeJS.Timeout | undefined
  /** The last that servers said, also while there is none. */
  #egress: readonly string[] = []
  #listening: ReadonlySet<string> = new Set()
  readonly #interfaces = new InterfaceReader()

  private constructor(identity: NodeIdentity, options: ClusterMemberOptions, deps: ClusterMemberDeps) {
    this.identity = identity
    this.#options = options
    this.#deps = deps
    this.book = new PeerBook((record) => this.#judge(record))
    this.#ownRecord = new OwnRecord(identity)
    const path = join(options.dataDir, 'peers.json')
    this.#store = new PeerStore({
      ...{ book: this.book, logger: deps.logger, stored: new PrivateFile(path) },
      broken: new PrivateFile(`${path}.broken`),
    })
    this.lookup = new PeerLookup({ ...deps, book: this.book, sources: () => this.#sessions })
    this.connections = new ConnectionMembers({
      ...{ ...deps, ...options, identity, book: this.book },
      connections: () => this.#host?.node.getConnections() ?? [],
      rtt: (connection) => this.#host?.liveness.rtt(connection),
    })
    this.nat = new NatObserver({ ...deps, joined: () => this.joined, egress: () => this.#egress })
    this.nat.onChange(() => this.update())
  }

  /** @throws {NodeIdentityError} when what is stored of this node can't be used */
  static async load(options: ClusterMemberOptions, deps: ClusterMemberDeps): Promise<ClusterMember> {
    const stored = new PrivateFile(join(options.dataDir, 'identity.json'))
    const identity = await NodeIdentity.load({ ...deps, stored })
    const member = new ClusterMember(identity, options, deps)
    if (identity.trust !== undefined) await member.#store.load(identity.trust)
    return member
  }

  /** Tunnel servers that this node is joined to and holds a reservation at. */
  get joined(): readonly JoinedServer[] {
    return this.#sessions.map(({ joined }) => joined).filter((joined) => joined !== undefined)
  }

  /** The IP addresses that tunnel servers, and their reflectors, see this node come from. */
  get egress(): readonly string[] {
    const { address } = this.nat
    return address === undefined ? this.#egress : [...new Set([...this.#egress, address])].sort()
  }

  /** The multiaddrs that this node listens at. */
  get listening(): ReadonlySet<string> {
    return this.#listening
  }

  /** What this node says of itself; `undefined` before its first enrolment. */
  get ownRecord(): PeerRecord | undefined {
    return this.#ownRecord.current
  }

  /** Whether the servers are being joined. */
  get isStarted(): boolean {
    return this.#sessions.length > 0
  }

  /** Why no tunnel server is joined. */
  get trouble(): string {
    return this.#sessions.map(({ trouble }) => trouble).join('; ')
  }

  /** For people. */
  get status(): Readonly<Record<string, unknown>> {
    return memberStatus({
      ...{ identity: this.identity, own: this.#ownRecord.current, peers: this.book.size },
      nat: this.nat.type,
      servers: this.#sessions.map(({ status }) => status),
    })
  }

  /** To be called before anybody can connect. */
  async prepare(host: Host): Promise<void> {
    this.#host = host
    host.node.addEventListener('connection:open', ({ detail }) => this.connections.opened(detail))
    await host.node.handle(
      MEMBERSHIP_PROTOCOL,
      (stream, connection) => this.connections.serve(stream, connection),
      MEMBERSHIP_STREAMS,
    )
  }

  /** Joins the servers from now on, and watches over who is a member. */
  start(host: AgentHost, servers: readonly Multiaddr[]): void {
    const { logger, metrics } = this.#deps
    const common = {
      ...{ host, logger, metrics, identity: this.identity, book: this.book, ownRecord: this.#ownRecord },
      ...{ joinTimeoutMs: this.#options.joinTimeoutMs, labels: this.#options.labels },
      claims: new ServerClaims(),
      readTokens: () => this.#readTokens(),
      rtt: (connection: Connection) => host.liveness.rtt(connection),
      changed: () => this.update(),
    }
    this.identity.onChange(() => this.#review())
    this.book.onChange((change) => {
      if (change.kind === 'removed') this.connections.dropped(change)
      this.#deps.changed()
    })
    this.#sessions = servers.map((address) => new ServerSession(address, common))
    this.#renewal = new Renewal({ identity: this.identity, logger, sources: () => this.#sessions })
    this.#reviewTimer = setInterval(() => this.#review(), REVIEW_INTERVAL_MS)
    void this.#checkTokens()
    this.update()
  }

  /** Tells the servers how this node is reached now, if that has changed. */
  update(): void {
    const { joined } = this
    if (joined.length > 0) this.#egress = [...new Set(joined.map(({ observed }) => observed))].sort()
    this.nat.update()
    const reserved = joined.map(({ peerId, address, rttMs }) => ({
      ...{ peerId, rttMs },
      addresses: [address.toString().replace(/\/p2p\/[^/]+$/, '')],
    }))
    const listening = this.#host?.listenAddresses() ?? []
    this.#listening = new Set(listening.map(withoutPeerId).filter((text) => text !== undefined))
    const { lan, direct } = ownAddresses(this.#listening, {
      announced: this.#options.announceAddresses,
      ofPods: podNetworkAddresses(this.#interfaces.read()),
      mapped: this.#deps.mapped(),
    })
    const relays = this.#relays.update(reserved, performance.now()).slice(0, MAX_RELAYS)
    this.#ownRecord.update({ lan, direct, egress: this.egress, relays, nat: this.nat.type })
    for (const session of this.#sessions) session.publish()
    this.#deps.changed()
  }

  /** The way to the servers may be another one than before: tries at once what waits. */
  wake(): void {
    for (const session of this.#sessions) session.wake()
    this.nat.wake()
    this.update()
  }

  /** To be called before connections are closed: servers that are not joined are not tried any more. */
  retire(): void {
    for (const session of this.#sessions) session.retire()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#reviewTimer)
    this.connections.stop()
    this.nat[Symbol.dispose]()
    await this.#renewal?.[Symbol.asyncDispose]()
    await Promise.all(this.#sessions.map((session) => session[Symbol.asyncDispose]()))
    await this.#store[Symbol.asyncDispose]()
    await this.identity.idle()
  }

  #review(): void {
    this.book.review()
    this.connections.review()
    for (const session of this.#sessions) session.review()
    this.update()
  }

  #judge({ wire, peerId }: PeerRecord): MembershipVerdict {
    const { trust } = this.identity
    if (trust !== undefined) return trust.judge(wire.certificate, { peerId, role: 'agent' })
    return { kind: 'refused', reason: 'unknown-signer', message: 'this node belongs to no cluster' }
  }

  #readTokens(): Promise<UsableTokens> {
    const { trust, node } = this.identity
    return readJoinTokenFile(this.#options.joinTokenFile, { cluster: trust?.cluster, node })
  }

  /** A member needs no token; one of another cluster says that somebody wants this node to be elsewhere. */
  async #checkTokens(): Promise<void> {
    if (this.identity.trust === undefined) return
    try {
      await this.#readTokens()
    } catch (error) {
      if (!(error instanceof JoinTokenError) || !error.message.includes('of cluster')) return
      this.#deps.logger.error('the join token is of another cluster than this node; it stays where it is', {
        error,
      })
    }
  }
}
