import { type Logger, limitedWarn } from '@edgeway/core'
import type { Connection, Stream } from '@libp2p/interface'
import { parsePeerAddress } from '../addresses.ts'
import { ProtocolError } from '../errors.ts'
import { closeConnection } from '../host/connections.ts'
import { StreamDuplex } from '../host/stream-duplex.ts'
import type { ServerMetrics } from '../metrics.ts'
import { readFrame } from '../protocol/frames.ts'
import type { JoinRefusal } from '../protocol/join-refusal.ts'
import {
  AGENT_FRAMES,
  decodeAgentMessage,
  encodeServerMessage,
  encodeWelcome,
  type Join,
  type PeerRecord,
  type ServerMessage,
} from '../protocol/registry.ts'
import { decideAdmission } from './admission.ts'
import type { Member, MemberStore } from './member-store.ts'

/** A session that reads slower than changes come is ended when that much waits for it; it then joins anew. */
const MAX_WAITING_BYTES = 8 * 1024 * 1024
/** A refused agent gets that long to read why. */
const REFUSAL_LINGER_MS = 1_000

export interface RegistryDeps {
  readonly members: MemberStore
  /** Of the join token. */
  readonly secret: string
  readonly joinTimeoutMs: number
  readonly logger: Logger
  readonly metrics: ServerMetrics
}

/** An agent that joined and is connected. */
interface Session {
  readonly connection: Connection
  readonly stream: StreamDuplex
  record: PeerRecord
}

/** The server's side of the registry protocol: admits agents, and tells each member of all others. */
export class Registry {
  readonly #deps: RegistryDeps
  /** By PeerId: a key speaks for one node, on one connection; the newest one counts. */
  readonly #sessions = new Map<string, Session>()
  readonly #warn: Logger['warn']

  constructor(deps: RegistryDeps) {
    this.#deps = deps
    this.#warn = limitedWarn(deps.logger)
    deps.metrics.members.set({}, deps.members.size)
  }

  /** True while that peer is connected and has joined. */
  isJoined(peerId: string): boolean {
    return this.#sessions.has(peerId)
  }

  /** Serves one stream until it ends, and closes its connection then. Never rejects. */
  async serve(libp2pStream: Stream, connection: Connection): Promise<void> {
    const stream = new StreamDuplex(libp2pStream)
    const peer = connection.remotePeer.toString()
    stream.on('error', (error) => this.#deps.logger.debug('registry stream failed', { peer, error }))
    try {
      const session = await this.#admit(stream, connection)
      if (session !== undefined) await this.#follow(session)
    } catch (error) {
      this.#deps.logger.debug('registry session failed', { peer, error })
    }
    stream.destroy()
    await closeConnection(connection)
  }

  async #admit(stream: StreamDuplex, connection: Connection): Promise<Session | undefined> {
    const peerId = connection.remotePeer.toString()
    const join = await this.#readJoin(stream)
    if (join === undefined) {
      await this.#refuse(stream, connection, { reason: 'bad-request', message: 'the join can not be read' })
      return undefined
    }
    const { members, secret } = this.#deps
    const admission = decideAdmission(join, peerId, {
      secret,
      memberCount: members.size,
      byNode: (node) => members.byNode(node),
      byPeerId: (id) => members.byPeerId(id),
      isConnected: (id) => this.isJoined(id),
    })
    if (admission.kind === 'refused') {
      await this.#refuse(stream, connection, { ...admission, node: join.node })
      return undefined
    }

    // From here to the welcome nothing waits: two joins for one name can't both pass, and no news of others comes first.
    if (admission.kind === 'new') this.#addMember({ node: join.node, peerId }, admission.replaced)
    const welcome = encodeWelcome(this.#records(peerId))
    const session = this.#open(join, { stream, connection })
    this.#send(session, welcome)
    if (admission.kind === 'new') await this.#saveMembers()
    return session
  }

  /** `undefined` for what is no join; rejects when the agent is gone or silent. */
  async #readJoin(stream: StreamDuplex): Promise<Join | undefined> {
    try {
      const frame = await readFrame(stream, AGENT_FRAMES, AbortSignal.timeout(this.#deps.joinTimeoutMs))
      const message = frame === undefined ? undefined : decodeAgentMessage(frame)
      return message?.type === 'join' ? message : undefined
    } catch (error) {
      if (error instanceof ProtocolError) return undefined
      throw error
    }
  }

  async #refuse(
    stream: StreamDuplex,
    { remotePeer, remoteAddr }: Connection,
    why: { readonly reason: JoinRefusal; readonly message: string; readonly node?: string },
  ): Promise<void> {
    const { reason, message, node } = why
    this.#deps.metrics.refusals.add({ reason })
    this.#warn('refused to let a node join', {
      reason,
      explanation: message,
      node,
      peer: remotePeer.toString(),
      address: remoteAddr.toString(),
    })
    const { promise: gone, resolve } = Promise.withResolvers<void>()
    const timer = setTimeout(resolve, REFUSAL_LINGER_MS)
    stream.once('close', resolve).resume()
    stream.end(encodeServerMessage({ type: 'refused', reason, message }))
    await gone
    clearTimeout(timer)
  }

  #addMember({ node, peerId }: Omit<Member, 'since'>, replaced: readonly Member[]): void {
    const { members, metrics, logger } = this.#deps
    members.add({ node, peerId, since: new Date().toISOString() })
    metrics.members.set({}, members.size)
    logger.info('admitted a node', { node, peer: peerId })
    for (const member of replaced) {
      logger.warn('a member was replaced', { node: member.node, peer: member.peerId, by: peerId })
      this.#broadcast({ type: 'gone', peerId: member.peerId }, peerId)
    }
  }

  /** The server goes on without: whoever joined stays a member until it stops. */
  async #saveMembers(): Promise<void> {
    try {
      await this.#deps.members.save()
    } catch (error) {
      this.#deps.logger.error('members can not be stored; new ones are forgotten at a restart', {
        error,
      })
    }
  }

  #open({ node, addresses }: Join, { stream, connection }: Pick<Session, 'stream' | 'connection'>): Session {
    const peerId = connection.remotePeer.toString()
    const former = this.#sessions.get(peerId)
    const session = { stream, connection, record: { node, peerId, addresses: valid(addresses) } }
    this.#sessions.set(peerId, session)
    this.#deps.metrics.sessions.set({}, this.#sessions.size)
    this.#deps.logger.info('node joined', { node, peer: peerId, address: connection.remoteAddr.toString() })
    this.#broadcast({ type: 'peer', ...session.record }, peerId)
    // A circuit would be opened over the oldest connection: it must not be a dead one.
    if (former !== undefined) former.connection.abort(new Error('the peer joined on another connection'))
    return session
  }

  async #follow(session: Session): Promise<void> {
    const { stream, record } = session
    const { node, peerId } = record
    try {
      for (;;) {
        const frame = await readFrame(stream, AGENT_FRAMES, NEVER)
        if (frame === undefined) break
        const message = decodeAgentMessage(frame)
        if (message?.type !== 'addresses') continue
        const addresses = valid(message.addresses)
        if (addresses.join() === session.record.addresses.join()) continue
        session.record = { node, peerId, addresses }
        this.#broadcast({ type: 'peer', ...session.record }, peerId)
      }
    } finally {
      if (this.#sessions.get(peerId) === session) {
        this.#sessions.delete(peerId)
        this.#deps.metrics.sessions.set({}, this.#sessions.size)
        this.#deps.logger.info('node left', { node, peer: peerId })
      }
    }
  }

  /** All members but one; those that are not connected have no addresses. */
  #records(exceptPeerId: string): PeerRecord[] {
    const others = [...this.#deps.members.all()].filter(({ peerId }) => peerId !== exceptPeerId)
    return others.map(
      ({ node, peerId }) => this.#sessions.get(peerId)?.record ?? { node, peerId, addresses: [] },
    )
  }

  #broadcast(message: ServerMessage, exceptPeerId: string): void {
    const frame = encodeServerMessage(message)
    for (const [peerId, session] of this.#sessions) if (peerId !== exceptPeerId) this.#send(session, frame)
  }

  #send({ stream, record, connection }: Session, frame: Buffer): void {
    if (!stream.writable) return
    stream.write(frame)
    if (stream.writableLength <= MAX_WAITING_BYTES) return
    this.#deps.metrics.refusals.add({ reason: 'too-slow' })
    this.#deps.logger.warn('a node reads the registry too slowly', { node: record.node, peer: record.peerId })
    connection.abort(new Error('the node reads the registry too slowly'))
  }
}

const NEVER = new AbortController().signal

function valid(addresses: readonly string[]): string[] {
  return addresses.filter((address) => parsePeerAddress(address) !== undefined)
}
