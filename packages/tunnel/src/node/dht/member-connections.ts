import type { Connection } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import type { Libp2p } from 'libp2p'
import type { Membership } from '../../identity/membership.ts'
import type { PeerRecord } from '../../records/peer-record.ts'
import { abortable } from '../abortable.ts'
import type { DhtBook, DhtConnections } from './contacts.ts'

export interface MemberConnectionsDeps {
  readonly node: Pick<Libp2p, 'getConnections'>
  readonly book: Pick<DhtBook, 'byPeerId'>
  /** Of the node at the other end, once it is known; `undefined` when it is refused. */
  memberOf(connection: Connection): Promise<Membership | undefined>
  /** The best connection to that peer, made if there is none. */
  connect(record: PeerRecord): Promise<Connection>
}

/**
 * The host's connections, as far as their remotes are known to be member agents: by the peer book, or because they have
 * shown their certificate. One that is not judged yet is not used.
 */
export class MemberConnections implements DhtConnections {
  readonly #deps: MemberConnectionsDeps
  /** Whoever is refused later gets its connection closed. */
  readonly #judged = new WeakSet<Connection>()

  constructor(deps: MemberConnectionsDeps) {
    this.#deps = deps
  }

  agents(): string[] {
    const usable = this.#deps.node.getConnections().filter((connection) => this.#isUsable(connection))
    return [...new Set(usable.map(({ remotePeer }) => remotePeer.toString()))]
  }

  open(peerId: string): Connection | undefined {
    const usable = this.#deps.node
      .getConnections(peerIdFromString(peerId))
      .filter((connection) => this.#isUsable(connection))
    return usable.findLast(({ direct }) => direct) ?? usable.at(-1)
  }

  async isAgent(connection: Connection, signal: AbortSignal): Promise<boolean> {
    if (this.#isUsable(connection)) return true
    const membership = await abortable(this.#deps.memberOf(connection), signal)
    if (membership?.role !== 'agent') return false
    this.#judged.add(connection)
    return true
  }

  async connect(record: PeerRecord, signal: AbortSignal): Promise<Connection> {
    const connection = this.open(record.peerId) ?? (await abortable(this.#deps.connect(record), signal))
    if (await this.isAgent(connection, signal)) return connection
    throw new Error('the peer is no member any more')
  }

  #isUsable(connection: Connection): boolean {
    if (connection.status !== 'open') return false
    const record = this.#deps.book.byPeerId(connection.remotePeer.toString())
    return record?.membership.role === 'agent' || this.#judged.has(connection)
  }
}
