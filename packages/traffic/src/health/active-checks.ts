import {
  type Endpoint,
  endpointRanks,
  HEALTH_CHECK_ANNOTATION,
  type ServiceDirectory,
  type ServicePortName,
  TRAFFIC_SCOPES,
  type Viewpoint,
} from '@edgeway/core'
import type { Timers } from '../timers.ts'
import type { CheckEndpoint } from './endpoint-checks.ts'
import type { HealthBook } from './health-book.ts'

export interface ActiveChecksDeps {
  readonly services: Pick<
    ServiceDirectory,
    'servicePorts' | 'servicePort' | 'serviceOf' | 'endpoints' | 'watch'
  >
  readonly viewpoint: Viewpoint
  readonly book: Pick<HealthBook, 'failed' | 'connected' | 'state'>
  readonly check: CheckEndpoint
  readonly timers: Timers
}

/**
 * Connects now and then to the endpoints of Services that ask for it (`edgeway.io/health-check: tcp`), so that a dead one
 * is known before a call meets it, also where the kernel carries the calls.
 */
export class ActiveChecks implements Disposable {
  readonly #intervalMs: number
  readonly #deps: ActiveChecksDeps
  readonly #checked = new Set<ServicePortName>()
  readonly #subscription: Disposable
  #timer: Disposable | undefined

  constructor({ checkIntervalMs }: { readonly checkIntervalMs: number }, deps: ActiveChecksDeps) {
    this.#intervalMs = checkIntervalMs
    this.#deps = deps
    for (const { name } of deps.services.servicePorts()) this.#follow(name)
    this.#subscription = deps.services.watch((changed) => this.#follow(changed))
    this.#schedule()
  }

  [Symbol.dispose](): void {
    this.#subscription[Symbol.dispose]()
    this.#timer?.[Symbol.dispose]()
    this.#timer = undefined
  }

  #follow(name: ServicePortName): void {
    const { services } = this.#deps
    const wish = services.serviceOf(name)?.annotations[HEALTH_CHECK_ANNOTATION]
    if (wish === 'tcp' && services.servicePort(name)?.protocol === 'TCP') this.#checked.add(name)
    else this.#checked.delete(name)
  }

  #schedule(): void {
    this.#timer = this.#deps.timers.after(this.#intervalMs, () => void this.#round())
  }

  async #round(): Promise<void> {
    const checks = [...this.#checked].flatMap((name) =>
      this.#eligible(name)
        // One that is left out is tried at its own time.
        .filter((endpoint) => this.#deps.book.state(name, endpoint) !== 'unhealthy')
        .map((endpoint) => this.#check(name, endpoint)),
    )
    await Promise.all(checks)
    if (this.#timer !== undefined) this.#schedule()
  }

  /** Those that calls may go to, from within or from outside. */
  #eligible(name: ServicePortName): Endpoint[] {
    const { services, viewpoint } = this.#deps
    const service = services.serviceOf(name)
    if (service === undefined) return []
    const endpoints = services.endpoints(name)
    const scopes = TRAFFIC_SCOPES.map((scope) => [...endpointRanks({ service, endpoints, scope }, viewpoint)])
    return [...new Set(scopes.flat(2))]
  }

  async #check(name: ServicePortName, endpoint: Endpoint): Promise<void> {
    const { book, check } = this.#deps
    const failure = await check(name, endpoint)
    if (this.#timer === undefined) return
    if (failure === undefined) book.connected(name, endpoint)
    else book.failed(name, endpoint, failure)
  }
}
