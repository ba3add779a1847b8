import type { Connection } from '@libp2p/interface'
import type { Libp2p } from 'libp2p'

export interface LivenessOptions {
  /** A connection that brought nothing for that long is asked whether it still lives. */
  readonly intervalMs: number
  /** How long it has to answer, or to bring anything else. */
  readonly timeoutMs: number
}

const PING_PROTOCOL = '/ipfs/ping/1.0.0'

/**
 * Finds connections that are dead without having been closed: a silent host, a NAT that forgot, a route that changed.
 *
 * Any sign of life counts, not only answers: an answer waits behind the bytes of bulk flows, on a slow link or a busy
 * machine for longer than any sensible timeout. (libp2p's own monitor counts answers only, and closes such connections.)
 */
export class Liveness implements Disposable {
  readonly #node: Pick<Libp2p, 'getConnections'>
  readonly #options: LivenessOptions
  readonly #seenAt = new WeakMap<Connection, number>()
  readonly #asking = new WeakSet<Connection>()
  readonly #timer: NodeJS.Timeout

  constructor(node: Pick<Libp2p, 'getConnections'>, options: LivenessOptions) {
    this.#node = node
    this.#options = options
    this.#timer = setInterval(() => this.#askSilentOnes(), options.intervalMs)
  }

  /** The other side gave a sign of life: bytes, or room for bytes. */
  seen(connection: Connection): void {
    this.#seenAt.set(connection, performance.now())
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer)
  }

  #askSilentOnes(): void {
    const silentSince = performance.now() - this.#options.intervalMs
    for (const connection of this.#node.getConnections()) {
      const seenAt = this.#seenAt.get(connection) ?? Number.NEGATIVE_INFINITY
      if (seenAt <= silentSince && !this.#asking.has(connection)) void this.#ask(connection)
    }
  }

  /** Opening a stream takes a round trip, that is all that is asked for. */
  async #ask(connection: Connection): Promise<void> {
    this.#asking.add(connection)
    const askedAt = performance.now()
    const late = new AbortController()
    const timer = setTimeout(() => late.abort(new Error('no answer')), this.#options.timeoutMs)
    const { signal } = late
    try {
      const stream = await connection.newStream(PING_PROTOCOL, { signal, maxOutboundStreams: 32 })
      this.seen(connection)
      await stream.close({ signal })
    } catch (error) {
      const hasAnswered = error instanceof Error && error.name === 'UnsupportedProtocolError'
      if (!hasAnswered && !this.#wasSeenSince(askedAt, connection))
        connection.abort(new Error('no sign of life'))
    }
    clearTimeout(timer)
    this.#asking.delete(connection)
  }

  /** Also when a circuit that goes through the connection was. */
  #wasSeenSince(time: number, connection: Connection): boolean {
    const viaIt = `/p2p/${connection.remotePeer}/p2p-circuit`
    const circuits = this.#node
      .getConnections()
      .filter(({ remoteAddr }) => remoteAddr.toString().includes(viaIt))
    return [connection, ...circuits].some((each) => (this.#seenAt.get(each) ?? 0) > time)
  }
}
