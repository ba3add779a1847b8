import type { ServicePortName } from '@edgeway/core'
import { formatClient } from '../../account/client-address.ts'
import type { FlowJournal } from '../../account/flow-journal.ts'
import type { RequestJournal } from '../../account/request-journal.ts'
import type { RequestOutcome } from '../../account/request-record.ts'
import type { WiredClient } from '../../first-bytes/wire-first-bytes.ts'
import { resetSocket } from '../../kernel/reset-socket.ts'
import type { OpenFlow } from '../../open-flows.ts'
import type { FlowEnd, RelayEngine } from '../../relay/relay-engine.ts'
import type { Timers } from '../../timers.ts'
import type { WireEvents } from '../../wire/wire.ts'
import type { Wires } from '../../wire/wires.ts'
import type { HttpClient } from '../http-client.ts'
import type { HttpOptions } from '../http-options.ts'
import type { RequestHead } from '../message/request-head.ts'
import type { RequestRoutes } from '../policy/request-routes.ts'
import type { Exchange, ExchangeDeps } from './exchange.ts'
import { Http1Connection, type Http1ConnectionDeps } from './http1-connection.ts'
import { IdleSweep } from './idle-sweep.ts'
import type { Pipe } from './pipe.ts'
import type { UpstreamConnection } from './upstream-connection.ts'
import type { UpstreamPools } from './upstream-pools.ts'

export interface Http1ServerOptions extends HttpOptions {
  /** Of connections that have switched protocols, without a byte in either direction; 0: without limit. */
  readonly idleTimeoutMs: number
}

export interface Http1ServerDeps {
  readonly routes: RequestRoutes
  readonly pools: UpstreamPools
  readonly wires: Wires
  readonly relay: Pick<RelayEngine, 'relay'>
  readonly journal: Pick<FlowJournal, 'meter'>
  readonly requests: RequestJournal
  readonly timers: Timers
  /** @returns `undefined` where it can't be: the request is then answered by HTTP/1.1 */
  upgradeToHttp2(wish: UpgradeWish): OpenFlow | undefined
}

/** A request that wants its connection to go on by HTTP/2. */
export interface UpgradeWish {
  readonly client: HttpClient
  readonly head: RequestHead
  /** Gives the client's socket back, and with it what it had read after the request. */
  release(): void
}

/** Until the connection listens; nothing is read before. */
const UNHEARD: WireEvents = { onBytes() {}, onDrain() {}, onEnd() {}, onClosed() {} }

/** Serves connections of clients that speak HTTP/1.1. */
export class Http1Server implements Disposable {
  readonly #options: Http1ServerOptions
  readonly #deps: Http1ServerDeps
  readonly #sweep: IdleSweep

  constructor(options: Http1ServerOptions, deps: Http1ServerDeps) {
    this.#options = options
    this.#deps = deps
    this.#sweep = new IdleSweep(options.clientIdleTimeoutMs, deps.timers)
  }

  /**
   * Takes over a client's connection; what its socket has read comes first.
   *
   * @param wired - where it is read below its socket already; what was read so comes first
   */
  serve(client: HttpClient, wired: WiredClient | undefined): Http1Connection {
    const { socket, called, source } = client
    const wire =
      wired?.wire ?? this.#deps.wires.wire({ stream: socket, reset: () => resetSocket(socket) }, UNHEARD)
    const peer = { ip: source?.ip ?? '', proxied: { source, destination: called.destination } }
    const connection = new Http1Connection(wire, peer, this.#depsFor(client))
    connection.start()
    if (wired !== undefined) connection.onBytes(wired.unread)
    return connection
  }

  [Symbol.dispose](): void {
    this.#sweep[Symbol.dispose]()
  }

  #depsFor(client: HttpClient): Http1ConnectionDeps {
    const { routes, pools, timers, upgradeToHttp2 } = this.#deps
    const { called, source } = client
    const defaultHost = formatClient(called.destination)
    const name = called.servicePort.name
    const caller = source === undefined ? 'unknown' : formatClient(source)
    const record = { service: name, client: caller }
    const onOutcome = (exchange: Exchange, outcome: RequestOutcome): void =>
      this.#record(exchange, outcome, record)
    let terms: ExchangeDeps | undefined
    return {
      options: this.#options,
      sweep: this.#sweep,
      timers,
      terms: () => {
        const current = routes.of(called)
        if (terms?.routes !== current)
          terms = { routes: current, pool: pools.of(current), defaultHost, timers, onOutcome }
        return terms
      },
      upgradeToHttp2: (head, release) => upgradeToHttp2({ client, head, release }),
      join: (end, upstream, rest) => this.#join(end, upstream, rest),
    }
  }

  #record(
    exchange: Exchange,
    outcome: RequestOutcome,
    caller: { readonly service: ServicePortName; readonly client: string },
  ): void {
    const { route, upstream, response, method, bytesSent } = exchange
    this.#deps.requests.end({
      ...caller,
      protocol: 'http1',
      method,
      status: response.status,
      outcome,
      endpoint: route?.endpoint,
      path: upstream?.way.path,
      attempts: route?.attempts ?? 0,
      why: route?.why,
      durationMs: performance.now() - exchange.startedAt,
      bytesSent,
      bytesReceived: response.bytes,
    })
  }

  #join(client: FlowEnd, upstream: UpstreamConnection, rest: Buffer): Pipe {
    const { relay, journal } = this.#deps
    const { idleTimeoutMs } = this.#options
    const { endpoint, path } = upstream.way
    const { pool } = upstream
    const joined = relay.relay(client, upstream.release(rest), {
      idleTimeoutMs: pool.idleTimeoutMs ?? (idleTimeoutMs === 0 ? undefined : idleTimeoutMs),
      maxDurationMs: pool.maxConnectionDurationMs,
    })
    void joined.ended.then(() => upstream.onPipeEnd())
    const metering = journal.meter({ direction: 'outbound', path, counts: joined })
    return { joined, metering, endpoint, path }
  }
}
