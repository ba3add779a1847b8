import type { Connection, PeerId, Stream } from '@libp2p/interface'
import { type KadDHT, kadDHT, passthroughMapper, type QueryEvent, Record } from '@libp2p/kad-dht'
import { peerIdFromString } from '@libp2p/peer-id'
import type { Libp2p } from 'libp2p'
import type { Trust } from '../../identity/trust.ts'
import type { PeerRecord } from '../../records/peer-record.ts'
import type { DhtBook, DhtConnections } from './contacts.ts'
import { type KadHandler, type KadSurroundings, kadComponents } from './kad-components.ts'
import { DHT_PROTOCOL, MAX_STREAM_BYTES } from './limits.ts'
import { decodeKey, encodeValue, indexOfBest, isAnswer, KEY_SPACE, readValue } from './records.ts'

export interface KadNodeDeps {
  readonly node: Pick<Libp2p, 'peerId' | 'logger'>
  readonly trust: Trust
  readonly book: DhtBook
  readonly connections: DhtConnections
  /** For one question. */
  readonly answerTimeoutMs: number
  /** What this node says of itself now. */
  own(): PeerRecord | undefined
}

/** What one peer answered: peers that it named, and whether it had a record for the key. */
export interface KadAnswer {
  readonly from: string
  readonly named: readonly string[]
  readonly hasRecord: boolean
}

/** As far as timers go: what kad-dht does by itself is not wanted. Milliseconds. */
const NEVER_MS = 2 ** 31 - 1
/** Peers asked at a time. */
const CONCURRENCY = 4
const MAX_QUEUED_PEERS = 256
/** Of events that belong to no path of a query. */
const CORRECTION_PATH = -1

/**
 * kad-dht over the connections of the mesh and its peer book. In a file of its own, that is loaded when it is needed:
 * the package takes 5 MB of memory.
 */
export class KadNode {
  readonly #deps: KadNodeDeps
  readonly #kad: KadDHT & KadInside
  #inTable: ReadonlySet<string> = new Set()
  #synced: Promise<void> = Promise.resolve()
  #handler: KadHandler | undefined
  /** Operations under way: kad-dht's own table refresh, every 5 minutes, is answered without a byte sent. */
  #operations = 0

  private constructor(deps: KadNodeDeps) {
    this.#deps = deps
    this.#kad = withInside(
      kadDHT({
        protocol: DHT_PROTOCOL,
        clientMode: false,
        // Addresses are not in the DHT's own messages at all, see `kadComponents`.
        peerInfoMapper: passthroughMapper,
        allowQueryWithZeroPeers: true,
        initialQuerySelfInterval: NEVER_MS,
        querySelfInterval: NEVER_MS,
        reprovide: { interval: NEVER_MS },
        alpha: CONCURRENCY,
        disjointPaths: 2,
        routingTableUpdateMaxQueueSize: MAX_QUEUED_PEERS,
        networkDialTimeout: { minTimeout: deps.answerTimeoutMs, maxTimeout: deps.answerTimeoutMs },
        validators: { [KEY_SPACE]: (key, value) => this.#learn(key, value) },
        selectors: { [KEY_SPACE]: (key, values) => indexOfBest(values.map((each) => this.#read(key, each))) },
      })(kadComponents(this.#surroundings())),
    )
  }

  static async start(deps: KadNodeDeps): Promise<KadNode> {
    const kad = new KadNode(deps)
    await kad.#kad.start()
    return kad
  }

  async stop(): Promise<void> {
    await this.#kad.stop()
  }

  /** Answers the questions on an inbound stream, whose remote was found to be a member. Never rejects. */
  async serve(stream: Stream, connection: Connection): Promise<void> {
    await this.#syncTable()
    bounded(stream)
    try {
      await this.#handler?.(stream, connection)
    } catch (error) {
      // The other side went away, said nothing for 10 s, or sent nonsense: kad-dht has said so in its debug log.
      stream.abort(error instanceof Error ? error : new Error('the stream failed'))
    }
  }

  /** Asks for a key; records that come and hold are in the book when the answer is yielded. */
  async *get(key: Uint8Array, signal: AbortSignal): AsyncGenerator<KadAnswer> {
    for await (const event of this.#run(() => this.#kad.get(key, { signal }))) {
      // What follows is sent to those that had an older record; nobody needs to wait for that.
      if (event.name === 'DIAL_PEER' && event.path.index === CORRECTION_PATH) return
      if (event.name !== 'PEER_RESPONSE') continue
      const named = event.closer.map(({ id }) => id.toString())
      yield { from: event.from.toString(), named, hasRecord: event.record !== undefined }
    }
  }

  /** Gives a record to the agents that can be reached; yields the PeerId of each that took it. */
  async *put(key: Uint8Array, record: PeerRecord, signal: AbortSignal): AsyncGenerator<string> {
    const value = encodeValue(record)
    for await (const event of this.#run(() => this.#kad.put(key, value, { signal }))) {
      if (event.name === 'PEER_RESPONSE' && event.messageName === 'PUT_VALUE') yield event.from.toString()
    }
  }

  async *#run(start: () => AsyncIterable<QueryEvent>): AsyncGenerator<QueryEvent> {
    this.#operations++
    try {
      await this.#syncTable()
      yield* start()
    } finally {
      this.#operations--
    }
  }

  /** The routing table holds exactly the agents that there are connections to. One at a time; never rejects. */
  #syncTable(): Promise<void> {
    this.#synced = this.#synced.then(() => this.#sync())
    return this.#synced
  }

  async #sync(): Promise<void> {
    const { routingTable } = this.#kad
    const agents = new Set(this.#deps.connections.agents())
    const gone = this.#inTable.difference(agents)
    const added = agents.difference(this.#inTable)
    this.#inTable = agents
    await Promise.allSettled([
      ...gone.values().map((peerId) => routingTable.remove(peerIdFromString(peerId))),
      ...added.values().map((peerId) => routingTable.add(peerIdFromString(peerId))),
    ])
  }

  #surroundings(): KadSurroundings {
    const { node, connections } = this.#deps
    return {
      node,
      isConnected: (peerId) => connections.open(peerId) !== undefined,
      openStream: (peer, signal) => this.#openStream(peer, signal),
      stored: (key) => this.#stored(key),
      handle: (handler) => {
        this.#handler = handler
      },
    }
  }

  async #openStream(peer: PeerId, signal: AbortSignal): Promise<Stream> {
    const connection = this.#deps.connections.open(peer.toString())
    if (this.#operations === 0 || connection === undefined) throw new Error('the peer is not asked')
    const stream = await connection.newStream(DHT_PROTOCOL, { signal })
    bounded(stream)
    return stream
  }

  #stored(key: Uint8Array): Uint8Array | undefined {
    const { book, trust } = this.#deps
    const question = decodeKey(trust.cluster, key)
    if (question === undefined) return undefined
    const own = this.#deps.own()
    const known = question.kind === 'node' ? book.byNode(question.node) : book.byPeerId(question.peerId)
    const record = own !== undefined && isAnswer(own, question) ? own : known
    return record === undefined ? undefined : new Record(key, encodeValue(record), new Date()).serialize()
  }

  /** @throws {ProtocolError} when the value must not be believed */
  #learn(key: Uint8Array, value: Uint8Array): void {
    const record = readValue(key, value, this.#deps.trust)
    // What others have of this node itself tells it nothing.
    if (record.peerId !== this.#deps.node.peerId.toString()) this.#deps.book.apply(record)
  }

  #read(key: Uint8Array, value: Uint8Array): PeerRecord | undefined {
    try {
      return readValue(key, value, this.#deps.trust)
    } catch {
      // The validator has refused it, with the reason, so this is not reached but when trust changed since.
      return undefined
    }
  }
}

/** A peer that sends more than any question or answer takes is cut off. */
function bounded(stream: Stream): void {
  let bytes = 0
  stream.addEventListener('message', ({ data }) => {
    bytes += data.byteLength
    if (bytes > MAX_STREAM_BYTES) stream.abort(new Error('more bytes than the DHT needs'))
  })
}

/** The public parts of kad-dht's class that its interface leaves out. */
interface KadInside {
  start(): Promise<void>
  stop(): Promise<void>
  readonly routingTable: { add(peer: PeerId): Promise<void>; remove(peer: PeerId): Promise<void> }
}

function withInside(kad: KadDHT): KadDHT & KadInside {
  if (!('routingTable' in kad && 'start' in kad)) throw new TypeError('kad-dht hides its routing table')
  return kad as KadDHT & KadInside
}
