import type { Connection } from '@libp2p/interface'
import { closeConnection } from '../host/connections.ts'
import type { Host } from '../host/host.ts'

const LOOK_MS = 1_000
/** A relayed connection is kept that long beside a direct one: should that not last, calls go on without a pause. */
const SPARE_MS = 30_000

/** Closes connections that no new flow will take, once the streams on them have ended. */
export class SpareConnections implements Disposable {
  readonly #node: Pick<Host['node'], 'getConnections'>
  readonly #avoided = new Set<Connection>()
  readonly #spareSince = new WeakMap<Connection, number>()
  readonly #timer: NodeJS.Timeout

  constructor(node: Pick<Host['node'], 'getConnections'>) {
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

  /** Spare is a relayed one beside a direct one, or beside a newer relayed one. */
  #look(): void {
    this.#closeAvoided()
    const better = new Set<string>()
    const connections = this.#node.getConnections().filter(({ status }) => status === 'open')
    const directFirst = connections.toReversed().toSorted((a, b) => Number(b.direct) - Number(a.direct))
    for (const connection of directFirst) {
      const peer = connection.remotePeer.toString()
      const isSpare = !connection.direct && better.has(peer)
      better.add(peer)
      this.#closeSpare(connection, isSpare && connection.streams.length === 0)
    }
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
