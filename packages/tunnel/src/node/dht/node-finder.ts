import type { Logger, NodeName } from '@edgeway/core'
import type { Connection } from '@libp2p/interface'
import type { AgentHost } from '../../host/host.ts'
import type { Trust } from '../../identity/trust.ts'
import type { PeerRecord } from '../../records/peer-record.ts'
import type { ClusterMember } from '../cluster-member.ts'
import { DhtFallback } from './dht.ts'
import { MemberConnections } from './member-connections.ts'

export interface NodeFinderDeps {
  readonly host: AgentHost
  /** This node's own. */
  readonly nodeName: NodeName
  readonly member: Pick<
    ClusterMember,
    'identity' | 'book' | 'lookup' | 'connections' | 'joined' | 'ownRecord' | 'isStarted'
  >
  readonly connections: { connect(record: PeerRecord): Promise<Connection> }
  readonly logger: Logger
  /** Whether that peer announces itself on a LAN of this node. */
  readonly isNeighbour?: ((peerId: string) => boolean) | undefined
  /** Called when other agents are asked from now on, or not any more. */
  readonly aloneChanged?: (() => void) | undefined
}

/** How long no tunnel server has answered before other agents are asked: one that is restarted is back before. */
const GRACE_MS = 2_000
/** A record that is known may be out of date while no server tells of changes; it is asked for that often, if used. */
const REFRESH_MS = 30_000

/** Finds the peer that speaks for a node: in the book, by the tunnel servers, and by other agents while no server answers. */
export class NodeFinder implements AsyncDisposable {
  readonly #deps: NodeFinderDeps
  readonly #stopping = new AbortController()
  readonly #refreshedAt = new WeakMap<PeerRecord, number>()
  #dht: DhtFallback | undefined
  #creating: Promise<void> | undefined
  #isAlone = false
  #timer: NodeJS.Timeout | undefined

  constructor(deps: NodeFinderDeps) {
    this.#deps = deps
  }

  /** `undefined` where nobody knows a peer of that node. Never rejects. */
  async find(node: NodeName): Promise<PeerRecord | undefined> {
    const { member } = this.#deps
    const known = member.book.byNode(node)
    if (known !== undefined) {
      this.#refresh(known)
      return known
    }
    const found = (await member.lookup.find(node)) ?? (this.#isAlone ? await this.#ask(node) : undefined)
    // A neighbour may have told its record meanwhile.
    return found ?? member.book.byNode(node)
  }

  /** Whether no tunnel server has answered for a while, so that other agents are asked. */
  get isAlone(): boolean {
    return this.#isAlone
  }

  /** To be called after each change of what this node is, or is joined to. */
  update(): void {
    const { member } = this.#deps
    const { trust } = member.identity
    if (trust === undefined || !member.isStarted || this.#stopping.signal.aborted) return
    this.#creating ??= this.#create(trust).catch((error: unknown) => {
      this.#deps.logger.error('other agents can neither be asked nor answered', { error })
    })
    if (this.#dht !== undefined && member.ownRecord !== undefined) this.#dht.publish(member.ownRecord)
    if (member.joined.length > 0) this.#accompany()
    else this.#timer ??= setTimeout(() => this.#leaveAlone(), GRACE_MS)
  }

  /** The addresses of this host changed: what failed before may do now. */
  wake(): void {
    this.#dht?.forgetFailures()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping.abort()
    clearTimeout(this.#timer)
    await this.#creating
    await this.#dht?.[Symbol.asyncDispose]()
  }

  /** From the moment that this node is a member it answers others, whether or not it asks itself. */
  async #create(trust: Trust): Promise<void> {
    const { host, member, connections, nodeName, logger, isNeighbour } = this.#deps
    const { book } = member
    const memberConnections = new MemberConnections({
      node: host.node,
      book,
      memberOf: (connection) => member.connections.memberOf(connection),
      connect: (record) => connections.connect(record),
    })
    this.#dht = await DhtFallback.create({
      ...{ host, nodeName, trust, book, logger, isNeighbour },
      connections: memberConnections,
    })
    if (this.#isAlone) this.#dht.start()
  }

  #leaveAlone(): void {
    this.#isAlone = true
    this.#dht?.start()
    this.#deps.aloneChanged?.()
  }

  #accompany(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#isAlone = false
    this.#dht?.stop()
    this.#deps.aloneChanged?.()
  }

  #refresh(record: PeerRecord): void {
    if (!this.#isAlone || performance.now() - (this.#refreshedAt.get(record) ?? -REFRESH_MS) < REFRESH_MS)
      return
    this.#refreshedAt.set(record, performance.now())
    void this.#ask(record.node)
  }

  async #ask(node: NodeName): Promise<PeerRecord | undefined> {
    try {
      return await this.#dht?.lookup(node, this.#stopping.signal)
    } catch (error) {
      if (!this.#stopping.signal.aborted) this.#deps.logger.debug('no agent could be asked', { node, error })
      return undefined
    }
  }
}
