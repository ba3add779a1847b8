import type { Logger } from '@edgeway/core'
import type { Connection } from '@libp2p/interface'
import type { PeerRecord } from '../../records/peer-record.ts'
import { meetingPlaces } from './records.ts'

/** The part of the peer book that the DHT needs: it answers from it, and all that it learns goes there. */
export interface DhtBook {
  byPeerId(peerId: string): PeerRecord | undefined
  byNode(node: PeerRecord['node']): PeerRecord | undefined
  /** All of them, in no order. */
  records(): Iterable<PeerRecord>
  /** Takes a verified record, if it is newer than the known one. */
  apply(record: PeerRecord): unknown
}

/** The connections that the DHT may use: those to agents whose membership was judged. */
export interface DhtConnections {
  /** PeerIds of the agents with an open connection whose remote was found to be a member. */
  agents(): readonly string[]
  /** The best such connection; `undefined` when there is none, or it is not judged yet. */
  open(peerId: string): Connection | undefined
  /** Whether the remote is a member agent; waits until that is known. */
  isAgent(connection: Connection, signal: AbortSignal): Promise<boolean>
  /** Makes a connection, if there is none, and waits until its remote was judged. Rejects when that fails. */
  connect(record: PeerRecord, signal: AbortSignal): Promise<Connection>
}

interface DhtContactsDeps {
  readonly self: string
  readonly book: Pick<DhtBook, 'records'>
  readonly connections: DhtConnections
  readonly logger: Logger
  /** What this node says of itself now. */
  own(): PeerRecord | undefined
  /** Whether that peer announces itself on a LAN of this node. */
  readonly isNeighbour?: ((peerId: string) => boolean) | undefined
}

/** Connections to other agents that are kept while no server answers. */
const WANTED = 3
/** For one connection. */
const CONNECT_TIMEOUT_MS = 8_000
/** How often it is looked whether contacts came or went. */
const CHECK_MS = 5_000
/** Attempts that reach nobody: 1 s, doubled up to 30 s. A peer that was not reached is left alone ten times as long. */
const FIRST_PAUSE_MS = 1_000
const MAX_PAUSE_MS = 30_000
const PEER_BACK_OFF_FACTOR = 10
const MAX_BACK_OFFS = 1_000

/**
 * The agents that this one asks while no server answers. Dials them, keeps them, and leaves those alone for a while that
 * did not answer, so that a node without any way out sends next to nothing.
 */
export class DhtContacts {
  readonly #deps: DhtContactsDeps
  /** By PeerId: whom not to dial before when, and how long the pause was. */
  readonly #backOffs = new Map<string, { readonly until: number; readonly pauseMs: number }>()
  /** Before the next attempt to find contacts. */
  #pauseMs = FIRST_PAUSE_MS
  /** Ends the pause that is being made. */
  #resume: () => void = () => {}

  constructor(deps: DhtContactsDeps) {
    this.#deps = deps
  }

  /**
   * Keeps up to three connections, at the peers where others look for `key`, until the signal aborts. Never rejects.
   *
   * @param look - called every few seconds with the PeerIds of those that there are connections to
   */
  async keep(key: Uint8Array, look: (agents: readonly string[]) => void, signal: AbortSignal): Promise<void> {
    this.#pauseMs = FIRST_PAUSE_MS
    while (!signal.aborted) {
      const isHelped = await this.#complete(key, signal)
      look(this.#deps.connections.agents())
      await this.#pause(isHelped ? CHECK_MS : this.#pauseMs, signal)
      this.#pauseMs = isHelped ? FIRST_PAUSE_MS : Math.min(this.#pauseMs * 2, MAX_PAUSE_MS)
    }
  }

  /** Something changed (addresses, records): all that did not answer is tried again at once. */
  wake(): void {
    this.#backOffs.clear()
    this.#pauseMs = FIRST_PAUSE_MS
    this.#resume()
  }

  /**
   * Connects to up to `wanted` of the peers where others look for `key`.
   *
   * @returns how many connections were made; never rejects
   */
  async approach(key: Uint8Array, wanted: number, signal: AbortSignal): Promise<number> {
    const { book, connections, isNeighbour } = this.#deps
    const egress = this.#deps.own()?.egress ?? []
    const isNear = (record: PeerRecord): boolean =>
      record.egress.some((ip) => egress.includes(ip)) || isNeighbour?.(record.peerId) === true
    const places = meetingPlaces(key, book.records(), isNear)
      .filter(({ peerId }) => this.mayDial(peerId) && connections.open(peerId) === undefined)
      // Those that never failed first: everybody gets a turn, however many don't answer.
      .toSorted((a, b) => this.#pauseOf(a) - this.#pauseOf(b))
    return await this.reach(places.slice(0, wanted), signal)
  }

  /** Connects to those peers. @returns how many were reached; never rejects */
  async reach(records: readonly PeerRecord[], signal: AbortSignal): Promise<number> {
    const dials = records.map((record) => this.connect(record, signal))
    return (await Promise.allSettled(dials)).filter(({ status }) => status === 'fulfilled').length
  }

  /** False for a peer that did not answer a short while ago, and for this one. */
  mayDial(peerId: string): boolean {
    return peerId !== this.#deps.self && (this.#backOffs.get(peerId)?.until ?? 0) <= performance.now()
  }

  async connect(record: PeerRecord, signal: AbortSignal): Promise<Connection> {
    const deadline = AbortSignal.any([signal, AbortSignal.timeout(CONNECT_TIMEOUT_MS)])
    try {
      const connection = await this.#deps.connections.connect(record, deadline)
      this.#backOffs.delete(record.peerId)
      return connection
    } catch (error) {
      if (!signal.aborted) this.#leaveAlone(record.peerId)
      this.#deps.logger.debug('a peer that could answer in place of the servers was not reached', {
        node: record.node,
        error,
      })
      throw error
    }
  }

  #pauseOf({ peerId }: PeerRecord): number {
    return this.#backOffs.get(peerId)?.pauseMs ?? 0
  }

  #leaveAlone(peerId: string): void {
    const before = this.#backOffs.get(peerId)?.pauseMs ?? FIRST_PAUSE_MS * PEER_BACK_OFF_FACTOR
    const pauseMs = Math.min(before * 2, MAX_PAUSE_MS * PEER_BACK_OFF_FACTOR)
    this.#backOffs.delete(peerId)
    this.#backOffs.set(peerId, { until: performance.now() + pauseMs / 2, pauseMs })
    const [oldest] = this.#backOffs.keys()
    if (this.#backOffs.size > MAX_BACK_OFFS && oldest !== undefined) this.#backOffs.delete(oldest)
  }

  /** @returns false when contacts are missing, and none could be reached */
  async #complete(key: Uint8Array, signal: AbortSignal): Promise<boolean> {
    const missing = WANTED - this.#deps.connections.agents().length
    return missing <= 0 || (await this.approach(key, missing, signal)) > 0
  }

  async #pause(ms: number, stopping: AbortSignal): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    const timer = setTimeout(resolve, ms)
    const end = (): void => resolve()
    stopping.addEventListener('abort', end)
    this.#resume = end
    if (!stopping.aborted) await promise
    stopping.removeEventListener('abort', end)
    clearTimeout(timer)
  }
}
