import type { Logger } from '@edgeway/core'
import type { Connection, Stream } from '@libp2p/interface'
import type { Host } from '../../host/host.ts'
import { isNodeName } from '../../identity/node-name.ts'
import { UNKNOWN_NAT } from '../../nat-type.ts'
import { RECORDS_PROTOCOL } from '../../protocol/records.ts'
import { abortable } from '../abortable.ts'
import type { PeerPaths } from '../paths/ways/candidates.ts'
import type { Neighbours } from './neighbours.ts'
import { answerRecords, exchangeRecords, RECORD_STREAMS, type RecordExchangeDeps } from './record-exchange.ts'

export interface NeighbourRecordsDeps extends RecordExchangeDeps {
  /** PeerId of this node. */
  readonly peerId: string
  readonly neighbours: Pick<Neighbours, 'addressesOf' | 'peerIds' | 'onChange'>
  /** Whether no tunnel server answers. */
  isAlone(): boolean
  /** The best connection to that peer, made if there is none. */
  connect(peer: PeerPaths): Promise<Connection>
  /** What `connect` has learned of that peer is of no use any more. */
  forget(peerId: string): void
  readonly logger: Logger
}

const MAX_AT_ONCE = 3
const TIMEOUT_MS = 10_000
/** After an exchange that failed: doubled. */
const PAUSE_MS = { first: 2_000, max: 300_000 }
/** The peer of the greater PeerId lets the other one begin: one connection is enough. */
const LET_BEGIN_MS = 1_000

/**
 * While no tunnel server tells of others: gets the records of neighbours that are not known, or have another address than their
 * record says, and gives them this node's own. Their connections stay, and carry what is asked of the DHT.
 */
export class NeighbourRecords implements AsyncDisposable {
  readonly #deps: NeighbourRecordsDeps
  readonly #stopping = new AbortController()
  /** By PeerId: not before when, and how long the pause was. */
  readonly #pauses = new Map<string, { readonly until: number; readonly pauseMs: number }>()
  readonly #running = new Map<string, Promise<void>>()
  readonly #subscription: Disposable
  #timer: NodeJS.Timeout | undefined

  constructor(deps: NeighbourRecordsDeps) {
    this.#deps = deps
    this.#subscription = deps.neighbours.onChange((peerId) => {
      this.#pauses.delete(peerId)
      this.wake()
    })
  }

  /** To be called before anybody can connect. */
  async prepare({ node }: Pick<Host, 'node'>): Promise<void> {
    await node.handle(
      RECORDS_PROTOCOL,
      (stream, connection) => this.#serve(stream, connection),
      RECORD_STREAMS,
    )
  }

  /** To be called when it changes whether a tunnel server answers. */
  wake(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    if (this.#stopping.signal.aborted) return
    if (this.#deps.isAlone()) this.#startAll(performance.now())
    else this.#pauses.clear()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping.abort()
    clearTimeout(this.#timer)
    this.#subscription[Symbol.dispose]()
    await Promise.all(this.#running.values())
  }

  #startAll(now: number): void {
    const wanted = this.#deps.neighbours.peerIds.filter((peerId) => this.#isWanted(peerId))
    // The pause of one that ends at this moment is not over.
    const known = new Set([...wanted, ...this.#running.keys()])
    for (const peerId of this.#pauses.keys()) if (!known.has(peerId)) this.#pauses.delete(peerId)
    let nextAt = Number.POSITIVE_INFINITY
    for (const peerId of wanted) {
      const at = this.#startsAt(peerId, now)
      if (at > now) nextAt = Math.min(nextAt, at)
      else if (this.#running.size < MAX_AT_ONCE) this.#start(peerId)
    }
    // One that ends wakes the others.
    if (Number.isFinite(nextAt)) this.#timer = setTimeout(() => this.wake(), nextAt - now)
  }

  #isWanted(peerId: string): boolean {
    if (this.#running.has(peerId)) return false
    const record = this.#deps.book.byPeerId(peerId)
    if (record === undefined) return true
    return !this.#deps.neighbours.addressesOf(peerId).some((address) => record.lan.includes(address))
  }

  #startsAt(peerId: string, now: number): number {
    const pause = this.#pauses.get(peerId)
    if (pause !== undefined) return pause.until
    if (this.#deps.peerId < peerId) return now
    this.#pauses.set(peerId, { until: now + LET_BEGIN_MS, pauseMs: PAUSE_MS.first / 2 })
    return now + LET_BEGIN_MS
  }

  #start(peerId: string): void {
    const running = this.#exchange(peerId).finally(() => {
      this.#running.delete(peerId)
      this.wake()
    })
    this.#running.set(peerId, running)
  }

  /** Never rejects. */
  async #exchange(peerId: string): Promise<void> {
    const { logger } = this.#deps
    const signal = AbortSignal.any([this.#stopping.signal, AbortSignal.timeout(TIMEOUT_MS)])
    const pauseMs = Math.min((this.#pauses.get(peerId)?.pauseMs ?? PAUSE_MS.first / 2) * 2, PAUSE_MS.max)
    try {
      const peer = this.#deps.book.byPeerId(peerId) ?? unknownPeer(peerId)
      const connection = await abortable(this.#deps.connect(peer), signal)
      const isTold = await exchangeRecords(connection, this.#deps, signal)
      logger.debug('exchanged records with a neighbour', { peer: peerId, isTold })
      // Asked again when it has another address.
      if (isTold) return void this.#pauses.set(peerId, { until: Number.POSITIVE_INFINITY, pauseMs })
    } catch (error) {
      logger.debug('a neighbour did not tell its record, will retry', { peer: peerId, error })
    }
    // Strangers can announce as many names as they like.
    if (this.#deps.book.byPeerId(peerId) === undefined) this.#deps.forget(peerId)
    this.#pauses.set(peerId, { until: performance.now() + pauseMs, pauseMs })
  }

  async #serve(stream: Stream, connection: Connection): Promise<void> {
    const signal = AbortSignal.any([this.#stopping.signal, AbortSignal.timeout(TIMEOUT_MS)])
    try {
      await answerRecords(stream, connection, { deps: this.#deps, signal })
    } catch (error) {
      const peer = connection.remotePeer.toString()
      this.#deps.logger.debug('exchange about records failed', { peer, error })
    }
  }
}

/** All that is known of how it is reached is what it announces; it goes by its PeerId until it has told its name. */
function unknownPeer(peerId: string): PeerPaths {
  const node = peerId.toLowerCase()
  if (!isNodeName(node)) throw new TypeError(`not a PeerId: ${peerId}`)
  return { peerId, node, lan: [], direct: [], egress: [], relays: [], nat: UNKNOWN_NAT }
}
