import { clientKey } from '../client-key.ts'

/** What a client's connection must offer to be chosen fairly. */
export interface ClientConnection {
  /** Whether nothing that it asked is unanswered. */
  readonly isIdle: boolean
}

/** The open connections by client, and whose must make room where there are too many. */
export class TcpClients<Connection extends ClientConnection> {
  readonly #max: number
  /** Of each client the oldest first. */
  readonly #clients = new Map<string, Set<Connection>>()
  #size = 0

  /** @param max - connections of all clients together */
  constructor(max: number) {
    this.#max = max
  }

  get size(): number {
    return this.#size
  }

  add(address: string, connection: Connection): void {
    const client = clientKey(address)
    this.#clients.set(client, (this.#clients.get(client) ?? new Set()).add(connection))
    this.#size++
  }

  /** Does nothing where it is gone already. */
  delete(address: string, connection: Connection): void {
    const client = clientKey(address)
    const own = this.#clients.get(client)
    if (own?.delete(connection) !== true) return
    this.#size--
    if (own.size === 0) this.#clients.delete(client)
  }

  *[Symbol.iterator](): Generator<Connection> {
    for (const own of this.#clients.values()) yield* own
  }

  /**
   * How there may be a connection more from `address`: at once, in the place of another client's that has more even
   * then, its oldest idle one first; or not at all.
   */
  roomFor(address: string): 'free' | 'none' | Connection {
    if (this.#size < this.#max) return 'free'
    const own = this.#clients.get(clientKey(address))?.size ?? 0
    const [richest = new Set<Connection>()] = [...this.#clients.values()].sort((a, b) => b.size - a.size)
    if (richest.size <= own + 1) return 'none'
    const [oldest] = richest
    return richest.values().find(({ isIdle }) => isIdle) ?? oldest ?? 'none'
  }
}
