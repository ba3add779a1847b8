import type { Connection } from '@libp2p/interface'
import { closeConnection } from '../../host/connections.ts'
import type { Host } from '../../host/host.ts'

const LOOK_MS = 1_000
/** A relayed connection is kept that long beside a direct one: should that not last, calls go on without a pause. */
const SPARE_MS = 30_000
/** Both sides may dial each other at the same time, and then don't agree on which connection is the newer one. */
const TOGETHER_MS = 5_000

/** Closes connections that no new flow will take, once the streams on them have ended. */
export class SpareConnections implements Disposable {
  readonly #node: Pick<Host['node'], 'getConnections' | 'peerId'>
  readonly #avoided = new Set<Connection>()
  readonly #spareSince = new WeakMap<Connection, number>()
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

  [Symbol.dispose](): void {
    clearInterval(this.#timer)
  }

  #look(): void {
    this.#closeAvoided()
    const open = this.#node.getConnections().filter(({ status }) => status === 'open')
    for (const connections of Map.groupBy(open, ({ remotePeer }) => remotePeer.toString()).values()) {
      connections.forEach((connection, index) => {
        const isSpare = connections.some((other, place) =>
          other === connection ? false : this.#isSpareBeside(connection, other, place > index),
        )
        this.#closeSpare(connection, isSpare && connection.streams.length === 0)
      })
    }
  }

  /** Both sides must come to the same one to keep, or else they close them all. */
  #isSpareBeside(connection: Connection, other: Connection, isOtherLater: boolean): boolean {
    if (connection.direct !== other.direct) return other.direct
    const newerByMs = other.timeline.open - connection.timeline.open
    if (Math.abs(newerByMs) > TOGETHER_MS) return newerByMs > 0
    // Whoever has dialled several knows their order, and closes.
    if (connection.direction === 'inbound') return other.direction === 'outbound' && this.#isFirst(connection)
    return other.direction === 'outbound' ? isOtherLater : !this.#isFirst(connection)
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
    if (performance.now() - since >= SPARE_MS) void closeConnection(connection)
  }
}
