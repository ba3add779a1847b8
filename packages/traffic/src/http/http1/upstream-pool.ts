import type { Endpoint } from '@edgeway/core'
import type { ProxiedConnection } from '../../account/proxy-protocol.ts'
import type { DialOutcome } from '../../dial/dial-first.ts'
import { EndpointKeys } from '../../endpoint-keys.ts'
import type { Timers } from '../../timers.ts'
import type { WireEvents } from '../../wire/wire.ts'
import type { Wires } from '../../wire/wires.ts'
import type { DialBudget } from '../dial-budget.ts'
import type { PortRoutes } from '../policy/port-routes.ts'
import type { UpstreamDialer } from '../upstream-dialer.ts'
import { IdleSweep } from './idle-sweep.ts'
import { UpstreamConnection, type UpstreamHome, type UpstreamWay } from './upstream-connection.ts'

/** Why a request gets no connection. */
export type NoConnection =
  | Exclude<DialOutcome, { readonly status: 'connected' }>
  | { readonly status: 'over-limit' }

/** A request that looks for a connection. */
export interface ConnectionRequest {
  readonly endpoint: Endpoint
  readonly proxied: ProxiedConnection
  /** For connecting, all tries together. */
  readonly budget: DialBudget
  /** Aborts when nobody wants it any more. */
  readonly signal: AbortSignal
  onConnection(connection: UpstreamConnection): void
  onNoConnection(why: NoConnection): void
}

export interface UpstreamPoolOptions {
  /** Idle ones that are kept, of all endpoints together. */
  readonly maxIdleUpstreams: number
  /** After that an idle one is closed, unless its Service says it. */
  readonly upstreamIdleTimeoutMs: number
}

export interface UpstreamPoolDeps {
  readonly dialer: UpstreamDialer
  readonly wires: Wires
  readonly timers: Pick<Timers, 'after'>
}

/** Until the connection listens; nothing is read before. */
const UNHEARD: WireEvents = { onBytes: () => {}, onDrain: () => {}, onEnd: () => {}, onClosed: () => {} }

/** Requests that wait for a connection, unless a DestinationRule says it otherwise. */
const MAX_PENDING = 1_024

/**
 * Connections to the endpoints of one ServicePort, for HTTP/1.1. An idle one that was used last is used first: those that
 * are not needed any more grow old, and end.
 */
export class UpstreamPool implements UpstreamHome {
  #routes: PortRoutes
  readonly #options: UpstreamPoolOptions
  readonly #deps: UpstreamPoolDeps
  /** By endpoint. */
  readonly #idle = new Map<string, UpstreamConnection[]>()
  readonly #open = new Set<UpstreamConnection>()
  readonly #pending: ConnectionRequest[] = []
  readonly #sweep: IdleSweep
  readonly #keys = new EndpointKeys()
  #idleCount = 0
  #dialling = 0

  constructor(routes: PortRoutes, options: UpstreamPoolOptions, deps: UpstreamPoolDeps) {
    this.#routes = routes
    this.#options = options
    this.#deps = deps
    this.#sweep = new IdleSweep(this.#idleMs, deps.timers)
  }

  /** What holds now for the ServicePort. */
  get routes(): PortRoutes {
    return this.#routes
  }

  /** Has other routes hold from here on. */
  follow(routes: PortRoutes): void {
    // How connections begin may be another matter now.
    if (routes.service !== this.#routes.service) this.closeIdle(() => false)
    this.#routes = routes
    this.#sweep.changePeriod(this.#idleMs)
    // More may be allowed now: who has waited comes first.
    this.#serveNext()
  }

  get isEmpty(): boolean {
    return this.#open.size === 0 && this.#dialling === 0 && this.#pending.length === 0
  }

  /** An idle connection to that endpoint, where there is one. */
  take(endpoint: Endpoint): UpstreamConnection | undefined {
    const idle = this.#idle.get(this.#keys.of(endpoint))
    let connection = idle?.pop()
    while (connection !== undefined) {
      this.#idleCount -= 1
      if (connection.isReusable) return connection
      connection = idle?.pop()
    }
    return undefined
  }

  /** Connects, now or when there is room for it; answers by one of the request's calls, never at once. */
  want(request: ConnectionRequest): void {
    if (!this.#isFull || this.#makeRoom()) {
      void this.#connect(request)
      return
    }
    if (this.#pending.length >= (this.routes.pool.http?.maxPendingRequests ?? MAX_PENDING)) {
      queueMicrotask(() => request.onNoConnection({ status: 'over-limit' }))
      return
    }
    this.#pending.push(request)
    // Who has given up takes nobody's place.
    request.signal.addEventListener('abort', () => this.#forgetPending(request))
  }

  /** Takes a connection back that is free. */
  giveBack(connection: UpstreamConnection): void {
    connection.isReused = true
    const { maxRequestsPerConnection } = this.routes.pool.http ?? {}
    const isWornOut =
      maxRequestsPerConnection !== undefined && connection.requests >= maxRequestsPerConnection
    const isFit = connection.isReusable && connection.way.isShareable && !isWornOut
    if (isFit && this.#handOver(connection)) return
    if (!isFit || this.#hasPending || this.#idleCount >= this.#options.maxIdleUpstreams) {
      connection.discard()
      return
    }
    connection.lastTick = this.#sweep.tick
    const key = this.#keys.of(connection.way.endpoint)
    const idle = this.#idle.get(key)
    if (idle === undefined) this.#idle.set(key, [connection])
    else idle.push(connection)
    this.#idleCount += 1
  }

  /** Takes in a connection that was made otherwise and has carried nothing yet. */
  adopt(connection: Parameters<Wires['wire']>[0], way: UpstreamWay): void {
    if (this.#isFull) connection.reset()
    else this.giveBack(this.#newConnection(connection, way))
  }

  /** Closes what is idle and no longer wanted: of endpoints that have gone, or all of them. */
  closeIdle(isWanted: (endpoint: string) => boolean): void {
    for (const [endpoint, idle] of this.#idle) {
      if (isWanted(endpoint)) continue
      this.#idle.delete(endpoint)
      this.#idleCount -= idle.length
      for (const connection of idle) this.#end(connection)
    }
  }

  /** Closes all, whatever they carry. */
  close(): void {
    this.#sweep[Symbol.dispose]()
    for (const connection of this.#open) connection.discard()
  }

  onGone(connection: UpstreamConnection): void {
    if (!this.#open.delete(connection)) return
    this.#sweep.delete(connection)
    this.#forgetIdle(connection)
    this.#serveNext()
  }

  /** To a request that waits for one to the same endpoint. */
  #handOver(connection: UpstreamConnection): boolean {
    if (!this.#hasPending) return false
    const wanted = this.#keys.of(connection.way.endpoint)
    const index = this.#pending.findIndex(({ endpoint }) => this.#keys.of(endpoint) === wanted)
    const [request] = index === -1 ? [] : this.#pending.splice(index, 1)
    request?.onConnection(connection)
    return request !== undefined
  }

  get #idleMs(): number {
    return this.routes.pool.http?.idleTimeoutMs ?? this.#options.upstreamIdleTimeoutMs
  }

  get #hasPending(): boolean {
    return this.#pending.length > 0
  }

  get #isFull(): boolean {
    const { maxConnections } = this.routes.pool
    return maxConnections !== undefined && this.#open.size + this.#dialling >= maxConnections
  }

  /** Closes one that is idle; it would be to another endpoint. */
  #makeRoom(): boolean {
    for (const idle of this.#idle.values()) {
      const connection = idle.shift()
      if (connection === undefined) continue
      this.#idleCount -= 1
      this.#end(connection)
      return true
    }
    return false
  }

  /** From here on it does not count any more, though its end takes a moment. */
  #end(connection: UpstreamConnection): void {
    this.#open.delete(connection)
    this.#sweep.delete(connection)
    connection.discard()
  }

  #forgetPending(request: ConnectionRequest): void {
    const index = this.#pending.indexOf(request)
    if (index !== -1) this.#pending.splice(index, 1)
  }

  #serveNext(): void {
    while (this.#hasPending && !this.#isFull) {
      const request = this.#pending.shift()
      if (request !== undefined) void this.#connect(request)
    }
  }

  async #connect(request: ConnectionRequest): Promise<void> {
    const { endpoint, budget, signal } = request
    const { routes } = this
    const proxied = routes.isShareable ? undefined : request.proxied
    this.#dialling += 1
    const outcome = await this.#deps.dialer.dial({ endpoint, routes, proxied, budget }, signal)
    this.#dialling -= 1
    if (outcome.status !== 'connected') {
      this.#serveNext()
      request.onNoConnection(outcome)
      return
    }
    const { connection } = outcome
    const way = { endpoint, path: connection.path, isShareable: routes.isShareable }
    const upstream = this.#newConnection(connection, way)
    if (signal.aborted) this.giveBack(upstream)
    else request.onConnection(upstream)
  }

  #newConnection(end: Parameters<Wires['wire']>[0], way: UpstreamWay): UpstreamConnection {
    const connection = new UpstreamConnection(this.#deps.wires.wire(end, UNHEARD), way, this)
    this.#open.add(connection)
    this.#sweep.add(connection)
    connection.wire.resume()
    return connection
  }

  #forgetIdle(connection: UpstreamConnection): void {
    const key = this.#keys.of(connection.way.endpoint)
    const idle = this.#idle.get(key)
    const index = idle?.indexOf(connection) ?? -1
    if (idle === undefined || index === -1) return
    idle.splice(index, 1)
    this.#idleCount -= 1
    if (idle.length === 0) this.#idle.delete(key)
  }
}
