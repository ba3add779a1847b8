import { attempt, type Exchange, type ExchangeOutcome } from './exchange.ts'
import type { Upstream } from './upstream.ts'
import { UpstreamConnection } from './upstream-connection.ts'

/** To one upstream at a time (RFC 7766 section 6.2.2: few); how many queries wait there is bounded by the forwarders. */
const MAX_CONNECTIONS = 4

/** From so many waiting queries on, another connection is opened: a slow one should not hold up too many. */
const BUSY_QUERIES = 16

/** Keeps connections to upstreams open and has queries share them. */
export class TcpPool {
  readonly #idleTimeoutMs: number
  /** Of each upstream by its name, the latest last. */
  readonly #connections = new Map<string, UpstreamConnection[]>()
  /** Those that took over the queries of one that ended. */
  readonly #successors = new WeakMap<UpstreamConnection, UpstreamConnection>()

  /** @param idleTimeoutMs - how long a connection without queries is kept (RFC 7766 section 6.2.3) */
  constructor(idleTimeoutMs: number) {
    this.#idleTimeoutMs = idleTimeoutMs
  }

  /** How many connections are open or being opened. */
  get size(): number {
    return [...this.#connections.values()].reduce((sum, connections) => sum + connections.length, 0)
  }

  /**
   * Asks over TCP. Where the upstream closes the connection before it replies, as it may at any time, the query is asked
   * once more on a later connection. Never rejects.
   */
  exchange(exchange: Exchange): Promise<ExchangeOutcome> {
    return attempt<Buffer>(exchange, (finish) => {
      let giveUp = (): void => undefined
      const ask = (connection: UpstreamConnection, mayRetry: boolean): void => {
        const onClose = (wasOpen: boolean): void => {
          if (wasOpen && mayRetry) ask(this.#connectionAfter(exchange.upstream, connection), false)
          else finish('network')
        }
        giveUp = connection.ask({ exchange, onReply: finish, onClose })
      }
      ask(this.#connectionTo(exchange.upstream), true)
      return () => giveUp()
    })
  }

  /** Closes all connections. */
  close(): void {
    for (const connections of this.#connections.values()) {
      for (const connection of connections) connection.close()
    }
  }

  #connectionTo(upstream: Upstream): UpstreamConnection {
    const connections = this.#connections.get(upstream.name) ?? []
    const best = connections.toSorted((one, other) => one.load - other.load)[0]
    if (best !== undefined && (best.load < BUSY_QUERIES || connections.length >= MAX_CONNECTIONS)) return best
    return this.#open(upstream)
  }

  /** One that was opened after the end of `former`: those that were open with it may be about to close, too. */
  #connectionAfter(upstream: Upstream, former: UpstreamConnection): UpstreamConnection {
    const known = this.#successors.get(former)
    const isUsable = known !== undefined && this.#connections.get(upstream.name)?.includes(known) === true
    const successor = isUsable ? known : this.#open(upstream)
    this.#successors.set(former, successor)
    return successor
  }

  #open(upstream: Upstream): UpstreamConnection {
    const connections = this.#connections.get(upstream.name) ?? []
    this.#connections.set(upstream.name, connections)
    const connection = new UpstreamConnection(upstream, this.#idleTimeoutMs, (ended) => {
      connections.splice(connections.indexOf(ended), 1)
      if (connections.length === 0) this.#connections.delete(upstream.name)
    })
    connections.push(connection)
    return connection
  }
}
