import type { Connection } from '@libp2p/interface'
import { isPunched } from '../../../host/connection-parts.ts'
import { closeConnection } from '../../../host/connections.ts'
import type { Host } from '../../../host/host.ts'
import { pathOf } from '../../../metrics.ts'
import { rankOf } from '../choice/path-choice.ts'

const LOOK_MS = 1_000
/** A spare one is kept that long after its last use, by either side: should the other not last, calls go on without a pause. */
const SPARE_MS = 30_000
/** Both sides may dial each other at the same time, and then don't agree on which connection is the newer one. */
const TOGETHER_MS = 5_000

/** Closes connections that no new flow will take, once the streams on them have ended. */
export class SpareConnections implements Disposable {
  readonly #node: Pick<Host['node'], 'getConnections' | 'peerId'>
  readonly #avoided = new Set<Connection>()
  readonly #spareSince = new WeakMap<Connection, number>()
  readonly #usedAt = new WeakMap<Connection, number>()
  readonly #timer: NodeJS.Timeout

  constructor(node: Pick<Host['node'], 'getConnections' | 'peerId'>) {
    this.#node = node
    this.#timer = setInterval(() => this.#look(), LOOK_MS)
  }

  /** To be closed when the streams that are on it have ended. */
  add(connection: Connection): void {
    this.#avoided.add(connection)
    this.#closeAvoided()
  }

  /** A flow took it, of this side or of the other one. */
  used(connection: Connection): void {
    this.#usedAt.set(connection, performance.now())
  }

  /** Another one to the same peer is kept in its place, by both sides. */
  isSpare(connection: Connection): boolean {
    const open = this.#node.getConnections(connection.remotePeer).filter(({ status }) => status === 'open')
    return this.#isSpareAmong(connection, open)
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer)
  }

  #look(): void {
    this.#closeAvoided()
    const open = this.#node.getConnections().filter(({ status }) => status === 'open')
    for (const connections of Map.groupBy(open, ({ remotePeer }) => remotePeer.toString()).values()) {
      for (const connection of connections) {
        const isSpare = this.#isSpareAmong(connection, connections)
        this.#closeSpare(connection, isSpare && connection.streams.length === 0)
      }
    }
  }

  #isSpareAmong(connection: Connection, connections: readonly Connection[]): boolean {
    const index = connections.indexOf(connection)
    return connections.some(
      (other, place) => other !== connection && this.#isSpareBeside(connection, other, place > index),
    )
  }

  /** Both sides must come to the same one to keep, or else they close them all. */
  #isSpareBeside(connection: Connection, other: Connection, isOtherLater: boolean): boolean {
    const better = classOf(connection) - classOf(other)
    if (better !== 0) return better > 0
    // Whoever has dialled several knows their order, and whether an address is one of the LAN, and closes.
    if (connection.direction === other.direction) {
      if (connection.direction === 'inbound') return false
      return compareKinds(connection, other) > 0 || (compareKinds(connection, other) === 0 && isOtherLater)
    }
    const newerByMs = other.timeline.open - connection.timeline.open
    if (Math.abs(newerByMs) > TOGETHER_MS) return newerByMs > 0
    return (connection.direction === 'inbound') === this.#isFirst(connection)
  }

  /** True for exactly one of the two sides. */
  #isFirst({ remotePeer }: Connection): boolean {
    return this.#node.peerId.toString() < remotePeer.toString()
  }

  #closeAvoided(): void {
    for (const connection of this.#avoided) {
      if (connection.streams.length > 0) continue
      this.#avoided.delete(connection)
      void closeConnection(connection)
    }
  }

  #closeSpare(connection: Connection, isSpare: boolean): void {
    if (!isSpare) {
      this.#spareSince.delete(connection)
      return
    }
    const since = this.#spareSince.get(connection) ?? performance.now()
    this.#spareSince.set(connection, since)
    const unusedSince = Math.max(since, this.#usedAt.get(connection) ?? 0)
    if (performance.now() - unusedSince >= SPARE_MS) void closeConnection(connection)
  }
}

/** Both sides see the same: 0 for one without a relay, which is better than 1 through a hole in NATs, and 2 by a relay. */
function classOf(connection: Connection): number {
  if (!connection.direct) return 2
  return isPunched(connection) ? 1 : 0
}

function compareKinds(connection: Connection, other: Connection): number {
  return rankOf(pathOf(connection)) - rankOf(pathOf(other))
}
