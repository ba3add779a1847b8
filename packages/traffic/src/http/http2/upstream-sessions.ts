import { formatEndpoint, type ServiceDirectory, type ServicePortName } from '@edgeway/core'
import { EndpointKeys } from '../../endpoint-keys.ts'
import {
  EndpointSessions,
  type EndpointSessionsDeps,
  type EndpointSessionsOptions,
  type SessionWaiter,
  type UpstreamCall,
} from './endpoint-sessions.ts'
import type { UpstreamSession } from './upstream-session.ts'

export interface UpstreamSessionsOptions {
  /** Sessions without a stream are closed after that time, where the Service does not say otherwise. */
  readonly upstreamIdleTimeoutMs: number
}

export interface UpstreamSessionsDeps extends Omit<EndpointSessionsDeps, 'onUnused'> {
  readonly services: Pick<ServiceDirectory, 'endpoints' | 'watch'>
}

/** The sessions of one endpoint; of one client where the endpoint is told who calls. */
interface Pooled {
  readonly endpoint: string
  readonly sessions: EndpointSessions
}

/**
 * Connections of HTTP/2 to endpoints, which requests of all clients share. An endpoint that is no longer listed gets no new
 * requests; those that are under way end as they would have.
 */
export class UpstreamSessions implements AsyncDisposable {
  readonly #options: EndpointSessionsOptions
  readonly #deps: UpstreamSessionsDeps
  readonly #ports = new Map<ServicePortName, Map<string, Pooled>>()
  readonly #keys = new EndpointKeys()
  readonly #watching: Disposable

  constructor({ upstreamIdleTimeoutMs }: UpstreamSessionsOptions, deps: UpstreamSessionsDeps) {
    this.#options = { idleTimeoutMs: upstreamIdleTimeoutMs }
    this.#deps = deps
    this.#watching = deps.services.watch((changed) => this.#forgetEndpoints(changed))
  }

  /** A session with room for one more stream; `undefined`: one has to be waited for. */
  ready(call: UpstreamCall): UpstreamSession | undefined {
    return this.#ports.get(call.routes.name)?.get(this.#keyOf(call))?.sessions.ready()
  }

  /** @returns lets go of it; `undefined`: as many as may already wait for one of that ServicePort */
  wait(call: UpstreamCall, waiter: SessionWaiter): Disposable | undefined {
    const { maxPendingRequests = Number.POSITIVE_INFINITY } = call.routes.pool.http ?? {}
    const port = this.#port(call.routes.name)
    if (waitingOf(port) >= maxPendingRequests) return undefined
    const { sessions } = this.#pooled(port, call)
    sessions.wait(call, waiter)
    return { [Symbol.dispose]: () => sessions.forget(waiter) }
  }

  /** Ends all sessions at once; comes after their requests. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#watching[Symbol.dispose]()
    for (const port of this.#ports.values()) for (const { sessions } of port.values()) sessions.destroy()
  }

  #port(name: ServicePortName): Map<string, Pooled> {
    const known = this.#ports.get(name)
    if (known !== undefined) return known
    const port = new Map<string, Pooled>()
    this.#ports.set(name, port)
    return port
  }

  #pooled(port: Map<string, Pooled>, call: UpstreamCall): Pooled {
    const key = this.#keyOf(call)
    const known = port.get(key)
    if (known !== undefined) return known
    const { dialer, timers } = this.#deps
    const onUnused = (): void => {
      port.delete(key)
      if (port.size === 0) this.#ports.delete(call.routes.name)
    }
    const sessions = new EndpointSessions(this.#options, { dialer, timers, onUnused })
    const pooled = { endpoint: formatEndpoint(call.endpoint), sessions }
    port.set(key, pooled)
    return pooled
  }

  #keyOf({ endpoint, routes: { isShareable }, proxied: { source } }: UpstreamCall): string {
    const key = this.#keys.of(endpoint)
    return isShareable || source === undefined ? key : `${key} ${source.ip} ${source.port}`
  }

  #forgetEndpoints(name: ServicePortName): void {
    const port = this.#ports.get(name)
    if (port === undefined) return
    const listed = new Set(this.#deps.services.endpoints(name).map(formatEndpoint))
    for (const { endpoint, sessions } of port.values()) if (!listed.has(endpoint)) sessions.retire()
  }
}

function waitingOf(port: ReadonlyMap<string, Pooled>): number {
  let waiting = 0
  for (const { sessions } of port.values()) waiting += sessions.waiting
  return waiting
}
