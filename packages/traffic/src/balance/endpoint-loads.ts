import {
  type EndpointAddress,
  formatEndpoint,
  type ServiceDirectory,
  type ServicePortName,
} from '@edgeway/core'
import type { Candidate } from './balancer.ts'
import { PeakEwma } from './peak-ewma.ts'

type Load = Pick<Candidate, 'openFlows' | 'connectMs'>

const FAILED_CONNECT_MS = 10_000

const IDLE: Load = { openFlows: 0, connectMs: undefined }

/** What this node's flows make of each endpoint: how many are open, and how fast it answers. */
export class EndpointLoads implements Disposable {
  readonly #loads = new Map<ServicePortName, Map<string, EndpointLoad>>()
  readonly #services: Pick<ServiceDirectory, 'endpoints' | 'watch'>
  readonly #now: () => number
  readonly #subscription: Disposable

  constructor(services: Pick<ServiceDirectory, 'endpoints' | 'watch'>, now: () => number) {
    this.#services = services
    this.#now = now
    this.#subscription = services.watch((changed) => this.#forgetUnlisted(changed))
  }

  /** @param key - the endpoint, as `formatEndpoint` has it */
  loadOf(service: ServicePortName, key: string): Load {
    return this.#loads.get(service)?.get(key) ?? IDLE
  }

  opened(service: ServicePortName, endpoint: EndpointAddress): void {
    this.#load(service, endpoint).openFlows++
  }

  closed(service: ServicePortName, endpoint: EndpointAddress): void {
    const load = this.#load(service, endpoint)
    load.openFlows--
    if (load.openFlows === 0 && !this.#isListed(service, endpoint)) this.#delete(service, endpoint)
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
    const key = formatEndpoint(endpoint)
    const known = this.#loads.get(service)?.get(key)
    if (known !== undefined) return known
    const load = new EndpointLoad(this.#now)
    const loads = this.#loads.get(service) ?? new Map<string, EndpointLoad>()
    this.#loads.set(service, loads.set(key, load))
    return load
  }

  #isListed(service: ServicePortName, endpoint: EndpointAddress): boolean {
    const key = formatEndpoint(endpoint)
    return this.#services.endpoints(service).some((listed) => formatEndpoint(listed) === key)
  }

  #delete(service: ServicePortName, endpoint: EndpointAddress): void {
    const loads = this.#loads.get(service)
    loads?.delete(formatEndpoint(endpoint))
    if (loads?.size === 0) this.#loads.delete(service)
  }

  /** Those with open flows stay until these have ended. */
  #forgetUnlisted(service: ServicePortName): void {
    const loads = this.#loads.get(service)
    if (loads === undefined) return
    const listed = new Set(this.#services.endpoints(service).map(formatEndpoint))
    for (const [key, { openFlows }] of loads) if (openFlows === 0 && !listed.has(key)) loads.delete(key)
    if (loads.size === 0) this.#loads.delete(service)
  }
}

class EndpointLoad implements Load {
  openFlows = 0
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
