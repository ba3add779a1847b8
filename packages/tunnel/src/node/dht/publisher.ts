import type { Logger } from '@edgeway/core'
import type { Trust } from '../../identity/trust.ts'
import type { PeerRecord } from '../../records/peer-record.ts'
import type { DhtConnections } from './contacts.ts'
import type { KadNode } from './kad-node.ts'
import { encodeKey } from './records.ts'

export interface DhtPublisherDeps {
  readonly trust: Pick<Trust, 'cluster'>
  readonly connections: Pick<DhtConnections, 'agents'>
  readonly logger: Logger
  readonly stopping: AbortSignal
  load(): Promise<Pick<KadNode, 'put'>>
}

const TIMEOUT_MS = 15_000
/** An agent that did not take the record is offered it that often in all: it may have been busy. */
const MAX_OFFERS = 4

/** Sees to it that the agents that this one is connected to have its record. */
export class DhtPublisher {
  readonly #deps: DhtPublisherDeps
  /** By PeerId: how often the present record was offered. */
  readonly #offers = new Map<string, number>()
  #own: PeerRecord | undefined
  #isActive = false
  #running: Promise<void> | undefined
  #hasNews = false

  constructor(deps: DhtPublisherDeps) {
    this.#deps = deps
  }

  get own(): PeerRecord | undefined {
    return this.#own
  }

  /** Resolves when nothing is under way. */
  get idle(): Promise<void> {
    return this.#running ?? Promise.resolve()
  }

  say(record: PeerRecord): void {
    this.#own = record
    this.#offers.clear()
    this.#publishSoon()
  }

  setActive(isActive: boolean): void {
    this.#isActive = isActive
    this.#offers.clear()
  }

  /**
   * To be called now and then with the agents that there are connections to.
   *
   * @returns whether there are some that were not there before
   */
  look(agents: readonly string[]): boolean {
    const hasNew = agents.some((peerId) => !this.#offers.has(peerId))
    for (const peerId of [...this.#offers.keys()]) if (!agents.includes(peerId)) this.#offers.delete(peerId)
    const isMissing = agents.some((peerId) => this.#offersTo(peerId) < MAX_OFFERS)
    if (isMissing && this.#running === undefined) this.#publishSoon()
    return hasNew
  }

  /** One at a time; what changes meanwhile is published afterwards. */
  #publishSoon(): void {
    this.#hasNews = true
    this.#running ??= this.#publish().finally(() => {
      this.#running = undefined
    })
  }

  async #publish(): Promise<void> {
    while (this.#hasNews && this.#isActive) {
      this.#hasNews = false
      const agents = this.#deps.connections.agents()
      if (this.#own !== undefined && agents.length > 0) await this.#put(this.#own, agents)
    }
  }

  /** Never rejects. */
  async #put(record: PeerRecord, agents: readonly string[]): Promise<void> {
    const { trust, logger, stopping } = this.#deps
    const key = encodeKey(trust.cluster, { kind: 'node', node: record.node })
    for (const peerId of agents) this.#offers.set(peerId, this.#offersTo(peerId) + 1)
    try {
      const kad = await this.#deps.load()
      const signal = AbortSignal.any([stopping, AbortSignal.timeout(TIMEOUT_MS)])
      for await (const peerId of kad.put(key, record, signal))
        if (record === this.#own) this.#offers.set(peerId, MAX_OFFERS)
      logger.debug('gave this node’s addresses to other agents', { agents: agents.length })
    } catch (error) {
      if (!stopping.aborted)
        logger.warn('could not give this node’s addresses to all agents, will retry', { error })
    }
  }

  #offersTo(peerId: string): number {
    return this.#offers.get(peerId) ?? 0
  }
}
