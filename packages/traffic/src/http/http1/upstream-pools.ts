import { formatEndpoint, type ServiceDirectory, type ServicePortName } from '@edgeway/core'
import type { PortRoutes } from '../policy/port-routes.ts'
import { UpstreamPool, type UpstreamPoolDeps, type UpstreamPoolOptions } from './upstream-pool.ts'

export interface UpstreamPoolsDeps extends UpstreamPoolDeps {
  readonly services: Pick<ServiceDirectory, 'endpoints' | 'servicePort' | 'watch'>
}

/** The pools of all ServicePorts whose requests are forwarded by HTTP/1.1. */
export class UpstreamPools implements Disposable {
  readonly #options: UpstreamPoolOptions
  readonly #deps: UpstreamPoolsDeps
  readonly #pools = new Map<ServicePortName, UpstreamPool>()
  /** ServicePorts that are no more, whose connections were still in use then. */
  readonly #gone = new Set<ServicePortName>()
  readonly #subscription: Disposable

  constructor(options: UpstreamPoolOptions, deps: UpstreamPoolsDeps) {
    this.#options = options
    this.#deps = deps
    this.#subscription = deps.services.watch((changed) => this.#onChange(changed))
  }

  of(routes: PortRoutes): UpstreamPool {
    const known = this.#pools.get(routes.name)
    if (known !== undefined) {
      known.follow(routes)
      return known
    }
    const pool = new UpstreamPool(routes, this.#options, this.#deps)
    this.#pools.set(routes.name, pool)
    return pool
  }

  /** Closes all connections. */
  [Symbol.dispose](): void {
    this.#subscription[Symbol.dispose]()
    for (const pool of this.#pools.values()) pool.close()
    this.#pools.clear()
  }

  /** Endpoints that have gone get no further request: what is idle is closed, what is under way goes on. */
  #onChange(changed: ServicePortName): void {
    const pool = this.#pools.get(changed)
    if (pool !== undefined) {
      const { services } = this.#deps
      const listed = new Set(services.endpoints(changed).map(formatEndpoint))
      pool.closeIdle((endpoint) => listed.has(endpoint))
      if (services.servicePort(changed) === undefined) this.#gone.add(changed)
      else this.#gone.delete(changed)
    }
    for (const name of this.#gone) {
      if (this.#pools.get(name)?.isEmpty === false) continue
      this.#gone.delete(name)
      this.#pools.delete(name)
    }
  }
}
