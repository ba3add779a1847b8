import type { EndpointAddress, ServiceDirectory, ServicePortName } from '@edgeway/core'
import { EndpointKeys } from '../endpoint-keys.ts'
import type { Candidate } from './balancer.ts'
import { PeakEwma } from './peak-ewma.ts'

/** What is known of an endpoint, as it is at each time that it is read. */
export interface Load extends Pick<Candidate, 'openFlows' | 'connectMs'> {
  /** Nothing is noted here any more: its endpoint had gone. */
  readonly isForgotten: boolean
}

const FAILED_CONNECT_MS = 10_000

/** What this node's flows make of each endpoint: how many are open, and how fast it answers. */
export class EndpointLoads implements Disposable {
  readonly #loads = new Map<ServicePortName, Map<string, EndpointLoad>>()
  readonly #services: Pick<ServiceDirectory, 'endpoints' | 'watch'>
  readonly #now: () => number
  readonly #subscription: Disposable
  readonly #keys = new EndpointKeys()

  constructor(services: Pick<ServiceDirectory, 'endpoints' | 'watch'>, now: () => number) {
    this.#services = services
    this.#now = now
    this.#subscription = services.watch((changed) => this.#forgetUnlisted(changed))
  }

  /**
   * @param key - the endpoint, as `formatEndpoint` has it
   * @returns the same object until it is forgotten; `undefined`: nothing is known
   */
  loadOf(service: ServicePortName, key: string): Load | undefined {
    return this.#loads.get(service)?.get(key)
  }

  opened(service: ServicePortName, endpoint: EndpointAddress): void {
    this.#load(service, endpoint).openFlows++
  }

  closed(service: ServicePortName, endpoint: EndpointAddress): void {
    const load = this.#load(service, endpoint)
    load.openFlows--
    if (load.openFlows === 0 && !load.isListed) this.#delete(service, endpoint)
  }

  connected(service: ServicePortName, endpoint: EndpointAddress, connectMs: number): void {
    this.#load(service, endpoint).observe(connectMs)
  }

  /** It could not be connected to: as slow as one that takes longer than anybody waits. */
  failed(service: ServicePortName, endpoint: EndpointAddress): void {
    this.#load(service, endpoint).observe(FAILED_CONNECT_MS)
  }

  [Symbol.dispose](): void {
    this.#subscription[Symbol.dispose]()
  }

  #load(service: ServicePortName, endpoint: EndpointAddress): EndpointLoad {
    const key = this.#keys.of(endpoint)
    const known = this.#loads.get(service)?.get(key)
    if (known !== undefined) return known
    const load = new EndpointLoad(this.#now)
    load.isListed = this.#services.endpoints(service).some((listed) => this.#keys.of(listed) === key)
    const loads = this.#loads.get(service) ?? new Map<string, EndpointLoad>()
    this.#loads.set(service, loads.set(key, load))
    return load
  }

  #delete(service: ServicePortName, endpoint: EndpointAddress): void {
    const loads = this.#loads.get(service)
    if (loads === undefined) return
    forget(loads, this.#keys.of(endpoint))
    if (loads.size === 0) this.#loads.delete(service)
  }

  /** Those with open flows stay until these have ended. */
  #forgetUnlisted(service: ServicePortName): void {
    const loads = this.#loads.get(service)
    if (loads === undefined) return
    const listed = new Set(this.#services.endpoints(service).map((endpoint) => this.#keys.of(endpoint)))
    for (const [key, load] of loads) {
      load.isListed = listed.has(key)
      if (load.openFlows === 0 && !load.isListed) forget(loads, key)
    }
    if (loads.size === 0) this.#loads.delete(service)
  }
}

function forget(loads: Map<string, EndpointLoad>, key: string): void {
  const load = loads.get(key)
  if (load !== undefined) load.isForgotten = true
  loads.delete(key)
}

class EndpointLoad implements Load {
  openFlows = 0
  isForgotten = false
  /** Looked up when that may have changed, since flows end far more often. */
  isListed = true
  readonly #now: () => number
  #ewma: PeakEwma | undefined

  constructor(now: () => number) {
    this.#now = now
  }

  get connectMs(): number | undefined {
    return this.#ewma?.valueAt(this.#now())
  }

  observe(connectMs: number): void {
    this.#ewma ??= new PeakEwma()
    this.#ewma.observe(connectMs, this.#now())
  }
}
