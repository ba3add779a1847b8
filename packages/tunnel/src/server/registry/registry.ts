import { type Logger, limitedWarn } from '@edgeway/core'
import type { Connection, Stream } from '@libp2p/interface'
import { closeConnection } from '../../host/connections.ts'
import { endWith } from '../../host/linger.ts'
import { StreamDuplex } from '../../host/stream-duplex.ts'
import type { ClusterKeys } from '../../identity/cluster-keys.ts'
import type { ServerMetrics } from '../../metrics.ts'
import { encodeRegistryMessage } from '../../protocol/registry.ts'
import type { PeerBook } from '../../records/peer-book.ts'
import { refusalLog } from '../refusal-log.ts'
import { isAnswering, type KeyGuard } from './key-guard.ts'
import type { OwnRecord } from './own-record.ts'
import type { Presence } from './presence.ts'
import { type Audience, RecordFeed } from './record-feed.ts'
import {
  judgeHello,
  judgeSecondConnection,
  observedIp,
  readHello,
  type SessionRefusal,
} from './registry-handshake.ts'
import { RegistryInbox } from './registry-inbox.ts'
import { RegistrySession, type SessionParts } from './registry-session.ts'

export interface RegistryDeps {
  readonly keys: ClusterKeys
  readonly book: PeerBook
  readonly presence: Presence
  readonly guard: KeyGuard
  /** What this server says of itself. */
  readonly own: Pick<OwnRecord, 'peerId' | 'instance' | 'certificate'>
  /** Called with the address, without PeerId, of each member that has got a session. */
  joined(address: string): void
  /** For a peer to say hello. */
  readonly timeoutMs: number
  /** TCP ports of this host where reflectors listen. */
  readonly reflectorPorts: readonly number[]
  readonly logger: Logger
  readonly metrics: ServerMetrics
}

/** The sessions of a tunnel server: with agents, and with the other servers. Tells each what it lacks. */
export class Registry implements Disposable {
  readonly #deps: RegistryDeps
  /** By PeerId: a key is used by one process, on one connection. */
  readonly #sessions = new Map<string, RegistrySession>()
  /** Until the hello is judged: what else the peer asks for on that connection may be here first. */
  readonly #greetings = new WeakMap<Connection, PromiseWithResolvers<void>>()
  readonly #feed: RecordFeed
  readonly #inbox: RegistryInbox
  readonly #subscriptions: readonly Disposable[]
  readonly #leaveListeners = new Set<(peerId: string) => void>()
  readonly #warn: Logger['warn']
  readonly #logRefusal: ReturnType<typeof refusalLog>

  constructor(deps: RegistryDeps) {
    this.#deps = deps
    this.#warn = limitedWarn(deps.logger)
    this.#logRefusal = refusalLog(deps.logger)
    this.#feed = new RecordFeed(deps.book, (audience, frames, changed) =>
      this.#push(audience, frames, changed),
    )
    this.#inbox = new RegistryInbox({
      ...deps,
      feed: this.#feed,
      sessionOf: (peerId) => this.#sessions.get(peerId),
    })
    this.#subscriptions = [
      deps.keys.trust.onChange(() => this.#trustChanged()),
      deps.presence.onChange((kind, key) => this.#tellServers(kind, key)),
    ]
  }

  /** True while that peer is connected, and is a member. */
  isJoined(peerId: string): boolean {
    return this.#sessions.has(peerId)
  }

  /** Resolves when a hello that has come on that connection is judged; at once where none is waiting. Never rejects. */
  async judged(connection: Connection): Promise<void> {
    await this.#greetings.get(connection)?.promise
  }

  /** The connection of that peer's session. */
  connectionOf(peerId: string): Connection | undefined {
    return this.#sessions.get(peerId)?.connection
  }

  /** Calls `listener` when a peer's session has ended: other connections of it may be there. */
  onLeave(listener: (peerId: string) => void): Disposable {
    this.#leaveListeners.add(listener)
    return { [Symbol.dispose]: () => void this.#leaveListeners.delete(listener) }
  }

  /** How many agents, and how many servers, are connected. */
  get connected(): { readonly agents: number; readonly servers: number } {
    const servers = this.#sessions.values().reduce((sum, { isServer }) => sum + (isServer ? 1 : 0), 0)
    return { agents: this.#sessions.size - servers, servers }
  }

  /** Serves one stream that a peer has opened until it ends, and closes its connection then. Never rejects. */
  async serve(libp2pStream: Stream, connection: Connection): Promise<void> {
    const peer = connection.remotePeer.toString()
    const stream = new StreamDuplex(libp2pStream)
    stream.on('error', (error) => this.#deps.logger.debug('registry stream failed', { peer, error }))
    const greeting = Promise.withResolvers<void>()
    this.#greetings.set(connection, greeting)
    try {
      await this.#welcome(stream, connection)
    } catch (error) {
      this.#deps.logger.debug('registry session failed', { peer, error })
    }
    greeting.resolve()
    stream.destroy()
    await closeConnection(connection)
  }

  /** Follows a session that stands, until it ends. Rejects when it ends by an error. */
  async follow(parts: SessionParts): Promise<void> {
    const session = new RegistrySession(parts, (slow) => this.#cut(slow))
    this.#open(session)
    this.#greetings.get(parts.connection)?.resolve()
    const { serial, bundle } = this.#deps.keys.trust
    // Two servers that were cut off from each other may have made bundles of one serial.
    const isBehind = session.isServer || session.bundleSerial < serial
    if (bundle !== undefined && isBehind) session.send(encodeBundle(bundle))
    session.send(this.#feed.haveFrame(session))
    if (session.isServer) {
      session.send(encodeRegistryMessage({ type: 'present', keys: this.#deps.presence.here }))
    }
    try {
      await this.#inbox.follow(session)
    } finally {
      this.#close(session)
    }
  }

  /** What to do with another session of the same key: `undefined` where there is none, or it was ended. */
  async makeRoom(
    parts: Pick<SessionParts, 'connection' | 'instance' | 'membership' | 'isDialled'>,
  ): Promise<SessionRefusal | undefined> {
    const peerId = parts.connection.remotePeer.toString()
    const former = this.#sessions.get(peerId)
    if (former === undefined || former.connection === parts.connection) return undefined
    if (former.instance === parts.instance) {
      const duplicate = judgeSecondConnection(former, parts, this.#deps.own.peerId)
      if (duplicate === undefined) former.abort('the peer has another connection by now')
      return duplicate
    }
    if (await isAnswering(former.connection)) {
      const { node } = parts.membership
      const why = 'another process uses the same key: is the disk a copy?'
      const message = this.#deps.guard.tell({ node, peerId }, why)
      const seen = `it was refused at ${parts.connection.remoteAddr}`
      const notice = { reason: 'key-in-use' as const, message: `${message} ${seen}` }
      former.send(encodeRegistryMessage({ type: 'notice', ...notice }))
      return {
        reason: 'key-in-use',
        message: `${message} It is connected from ${former.connection.remoteAddr}`,
      }
    }
    // Another newcomer may have taken its place meanwhile.
    const now = this.#sessions.get(peerId)
    if (now !== undefined && now !== former) return this.makeRoom(parts)
    former.abort('the peer has another process by now')
    return undefined
  }

  /** Ends the sessions whose certificates do not hold any more: to be called now and then, as they expire. */
  review(): void {
    for (const session of this.#sessions.values()) {
      const verdict = this.#deps.keys.trust.judge(session.certificate, { peerId: session.peerId })
      if (verdict.kind === 'refused') this.#expel(session, verdict)
    }
  }

  [Symbol.dispose](): void {
    this.#feed[Symbol.dispose]()
    for (const subscription of this.#subscriptions) subscription[Symbol.dispose]()
  }

  async #welcome(stream: StreamDuplex, connection: Connection): Promise<void> {
    const hello = await readHello(stream, this.#deps.timeoutMs)
    const peer = connection.remotePeer.toString()
    const judged = judgeHello(hello, peer, this.#deps.keys.trust)
    if (judged.kind === 'refused') return this.#refuse(stream, connection, judged)
    const { membership, certificate, instance, bundleSerial } = judged
    const parts = { stream, connection, membership, certificate, instance, isDialled: false, bundleSerial }
    const taken = await this.makeRoom(parts)
    if (taken !== undefined) return this.#refuse(stream, connection, taken)
    // Making room takes a while, in which it may have been revoked.
    const again = judgeHello(hello, peer, this.#deps.keys.trust)
    if (again.kind === 'refused') return this.#refuse(stream, connection, again)
    const { own } = this.#deps
    const { trust } = this.#deps.keys
    // From here to the session nothing waits: what changes is told to all that have one.
    stream.write(
      encodeRegistryMessage({
        type: 'welcome',
        certificate: own.certificate,
        bundleSerial: trust.serial,
        instance: own.instance,
        observed: observedIp(connection.remoteAddr),
        agents: Math.max(this.connected.agents, this.#deps.book.size),
        reflectorPorts: this.#deps.reflectorPorts,
      }),
    )
    await this.follow(parts)
  }

  async #refuse(stream: StreamDuplex, connection: Connection, why: SessionRefusal): Promise<void> {
    const { reason, message } = why
    if (reason !== 'duplicate') {
      this.#deps.metrics.refusals.add({ reason })
      this.#logRefusal('refused a session', {
        ...{ reason, explanation: message, peer: connection.remotePeer.toString() },
        address: connection.remoteAddr.toString(),
      })
    }
    await endWith(stream, encodeRegistryMessage({ type: 'refused', reason, message }))
  }

  #open(session: RegistrySession): void {
    const { peerId, connection, membership } = session
    this.#sessions.set(peerId, session)
    this.#deps.presence.join(peerId)
    this.#deps.joined(connection.remoteAddr.toString().replace(/\/p2p\/[^/]+$/, ''))
    this.#count()
    this.#deps.logger.info(session.isServer ? 'linked with a tunnel server' : 'node joined', {
      ...{ node: membership.node, peer: peerId, address: connection.remoteAddr.toString() },
    })
  }

  #close(session: RegistrySession): void {
    const { peerId, membership } = session
    if (this.#sessions.get(peerId) !== session) return
    this.#sessions.delete(peerId)
    this.#deps.presence.leave(peerId)
    this.#count()
    const message = session.isServer ? 'lost a tunnel server' : 'node left'
    this.#deps.logger.info(message, { node: membership.node, peer: peerId })
    for (const listener of [...this.#leaveListeners]) listener(peerId)
  }

  #count(): void {
    const { agents, servers } = this.connected
    this.#deps.metrics.sessions.set({}, agents)
    this.#deps.metrics.links.set({}, servers)
  }

  #trustChanged(): void {
    const { bundle } = this.#deps.keys.trust
    // First of all: whoever is sent away by it gets to know of new keys, too.
    const frames = bundle === undefined ? [] : [encodeBundle(bundle)]
    for (const session of this.#sessions.values()) for (const frame of frames) session.send(frame)
    this.#deps.book.review()
    this.review()
  }

  #expel(session: RegistrySession, { reason, message }: SessionRefusal): void {
    const { node } = session.membership
    this.#deps.metrics.refusals.add({ reason })
    this.#warn('ended a session', { reason, explanation: message, node, peer: session.peerId })
    this.#close(session)
    void session.end(reason, message)
  }

  #push(audience: Audience, frames: readonly Buffer[], changed: ReadonlySet<string>): void {
    for (const session of this.#sessions.values()) {
      if (audience === 'servers' && !session.isServer) continue
      const isOwn = changed.size === 1 && changed.has(session.peerId)
      if (!isOwn) for (const frame of frames) session.send(frame)
    }
  }

  #tellServers(type: 'present' | 'absent', key: string): void {
    const servers = this.#sessions.values().filter(({ isServer }) => isServer)
    const frame = encodeRegistryMessage({ type, keys: [key] })
    for (const session of servers) session.send(frame)
  }

  #cut(session: RegistrySession): void {
    const { membership, peerId } = session
    if (this.#sessions.get(peerId) !== session) return
    this.#deps.metrics.refusals.add({ reason: 'too-slow' })
    this.#deps.logger.warn('a member reads the registry too slowly', { node: membership.node, peer: peerId })
    this.#close(session)
    // It would read no reason either.
    session.abort('the member reads the registry too slowly')
  }
}

function encodeBundle(bundle: string): Buffer {
  return encodeRegistryMessage({ type: 'bundle', bundle })
}
