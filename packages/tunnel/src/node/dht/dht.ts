import type { Logger, NodeName } from '@edgeway/core'
import type { Connection, Stream } from '@libp2p/interface'
import type { AgentHost } from '../../host/host.ts'
import type { Trust } from '../../identity/trust.ts'
import type { PeerRecord } from '../../records/peer-record.ts'
import { abortable } from '../abortable.ts'
import { type DhtBook, type DhtConnections, DhtContacts } from './contacts.ts'
import type { KadNode } from './kad-node.ts'
import { DHT_PROTOCOL, DHT_STREAMS } from './limits.ts'
import { DhtPublisher } from './publisher.ts'
import { encodeKey } from './records.ts'
import { search } from './search.ts'

export type { DhtBook, DhtConnections } from './contacts.ts'

export interface DhtFallbackDeps {
  readonly host: Pick<AgentHost, 'node'>
  /** This node's own. */
  readonly nodeName: NodeName
  readonly trust: Trust
  readonly book: DhtBook
  readonly connections: DhtConnections
  /** Whether that peer announces itself on a LAN of this node. */
  readonly isNeighbour?: ((peerId: string) => boolean) | undefined
  readonly logger: Logger
}

export interface DhtOptions {
  /** For one question to one agent. */
  readonly answerTimeoutMs: number
}

export const DEFAULT_DHT_OPTIONS: DhtOptions = { answerTimeoutMs: 3_000 }

/** For one node, all hops included. */
const LOOKUP_TIMEOUT_MS = 10_000
/** For the remote of a connection to be judged. */
const JUDGE_TIMEOUT_MS = 5_000
const MAX_LOOKUPS = 16
/** A node that nobody knew is not asked for again that long, unless there are new contacts. */
const NOT_FOUND_MS = 5_000
const MAX_NOT_FOUND = 1_000
/** Streams that one peer may open within the window. */
const RATE = { streams: 100, windowMs: 10_000 }

/**
 * Finds nodes without any tunnel server: agents ask one another, by Kademlia (`@libp2p/kad-dht`, own protocol prefix).
 *
 * - Everybody answers, at any time, from the peer book; who needs no answers sends nothing.
 * - `start`, when no server answers: keeps connections to a few agents, and gives them this node's record.
 * - `lookup`: asks them, and those that they name.
 *
 * Each record proves itself, so it does not matter who told it. The package is loaded at the first question from either
 * side: it takes 5 MB of memory.
 */
export class DhtFallback implements AsyncDisposable {
  readonly #deps: DhtFallbackDeps
  readonly #options: DhtOptions
  readonly #contacts: DhtContacts
  readonly #publisher: DhtPublisher
  readonly #stopping = new AbortController()
  readonly #lookups = new Map<NodeName, Promise<PeerRecord | undefined>>()
  /** Until when. */
  readonly #notFound = new Map<NodeName, number>()
  #rates = { since: performance.now(), streams: new Map<string, number>() }
  #loading: Promise<KadNode> | undefined
  #active: { readonly controller: AbortController; readonly done: Promise<void> } | undefined

  private constructor(deps: DhtFallbackDeps, options: DhtOptions) {
    this.#deps = deps
    this.#options = options
    this.#contacts = new DhtContacts({
      ...deps,
      self: deps.host.node.peerId.toString(),
      own: () => this.#publisher.own,
    })
    this.#publisher = new DhtPublisher({
      ...deps,
      stopping: this.#stopping.signal,
      load: () => this.#load(),
    })
  }

  /** Answers others from now on. */
  static async create(
    deps: DhtFallbackDeps,
    options: DhtOptions = DEFAULT_DHT_OPTIONS,
  ): Promise<DhtFallback> {
    const dht = new DhtFallback(deps, options)
    const accept = (stream: Stream, connection: Connection): Promise<void> => dht.#accept(stream, connection)
    await deps.host.node.handle(DHT_PROTOCOL, accept, DHT_STREAMS)
    return dht
  }

  /** No server answers: finds contacts, and keeps this node's record with them. May be called again. */
  start(): void {
    if (this.#active !== undefined || this.#stopping.signal.aborted) return
    this.#deps.logger.info('no tunnel server answers, other agents are asked instead')
    const controller = new AbortController()
    const { trust, nodeName } = this.#deps
    // Where others look for this node.
    const key = encodeKey(trust.cluster, { kind: 'node', node: nodeName })
    const look = (agents: readonly string[]): void => {
      if (this.#publisher.look(agents)) this.#notFound.clear()
    }
    this.#publisher.setActive(true)
    this.#active = { controller, done: this.#contacts.keep(key, look, controller.signal) }
  }

  /** A server answers again: sends nothing any more. Connections stay as they are. May be called again. */
  stop(): void {
    if (this.#active === undefined) return
    this.#deps.logger.info('a tunnel server answers again, other agents are not asked any more')
    this.#publisher.setActive(false)
    this.#active.controller.abort()
    this.#active = undefined
  }

  /** This node's addresses changed: nodes that were not found, and peers not reached, are tried again at once. */
  forgetFailures(): void {
    this.#notFound.clear()
    this.#contacts.wake()
  }

  /** What this node says of itself from now on. It goes to the contacts while started. */
  publish(record: PeerRecord): void {
    this.#publisher.say(record)
  }

  /**
   * Asks other agents for a node's record. What is found is in the book, too.
   *
   * @returns the newest that is known then; `undefined` when nobody has one, within 10 s at the latest
   * @throws the signal's reason
   */
  async lookup(node: NodeName, signal: AbortSignal): Promise<PeerRecord | undefined> {
    if ((this.#notFound.get(node) ?? 0) > performance.now()) return undefined
    while (!this.#lookups.has(node) && this.#lookups.size >= MAX_LOOKUPS)
      await abortable(Promise.race(this.#lookups.values()), signal)
    const running = this.#lookups.get(node) ?? this.#lookup(node)
    this.#lookups.set(node, running)
    return await abortable(running, signal)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const keeping = this.#active?.done
    this.stop()
    this.#stopping.abort()
    await this.#deps.host.node.unhandle(DHT_PROTOCOL)
    await Promise.all([keeping, this.#publisher.idle, ...this.#lookups.values()])
    const kad = await this.#loading?.catch(() => undefined)
    await kad?.stop()
  }

  /** Never rejects. */
  async #lookup(node: NodeName): Promise<PeerRecord | undefined> {
    const { trust, book, logger } = this.#deps
    const key = encodeKey(trust.cluster, { kind: 'node', node })
    try {
      const signal = AbortSignal.any([this.#stopping.signal, AbortSignal.timeout(LOOKUP_TIMEOUT_MS)])
      const deps = { ...this.#deps, contacts: this.#contacts, kad: await this.#load() }
      const isFound = await search(key, deps, signal)
      const record = isFound ? book.byNode(node) : undefined
      if (record === undefined) this.#rememberNotFound(node)
      logger.debug('asked other agents for a node', { node, found: record !== undefined })
      return record
    } catch (error) {
      logger.warn('asking other agents for a node failed', { node, error })
      return undefined
    } finally {
      this.#lookups.delete(node)
    }
  }

  #rememberNotFound(node: NodeName): void {
    if (this.#notFound.size >= MAX_NOT_FOUND) this.#notFound.clear()
    this.#notFound.set(node, performance.now() + NOT_FOUND_MS)
  }

  async #accept(stream: Stream, connection: Connection): Promise<void> {
    try {
      if (!this.#isWithinRate(connection.remotePeer.toString())) throw new Error('too many questions')
      const deadline = AbortSignal.any([this.#stopping.signal, AbortSignal.timeout(JUDGE_TIMEOUT_MS)])
      if (!(await this.#deps.connections.isAgent(connection, deadline))) throw new Error('no member agent')
      const kad = await this.#load()
      await kad.serve(stream, connection)
    } catch (error) {
      stream.abort(error instanceof Error ? error : new Error('the question was not answered'))
    }
  }

  #isWithinRate(peerId: string): boolean {
    if (performance.now() - this.#rates.since > RATE.windowMs)
      this.#rates = { since: performance.now(), streams: new Map() }
    const { streams } = this.#rates
    const count = (streams.get(peerId) ?? 0) + 1
    streams.set(peerId, count)
    return count <= RATE.streams
  }

  #load(): Promise<KadNode> {
    this.#stopping.signal.throwIfAborted()
    this.#loading ??= this.#import()
    return this.#loading
  }

  async #import(): Promise<KadNode> {
    const { KadNode: loaded } = await import('./kad-node.ts')
    const { host, ...deps } = this.#deps
    return await loaded.start({ ...deps, ...this.#options, node: host.node, own: () => this.#publisher.own })
  }
}
