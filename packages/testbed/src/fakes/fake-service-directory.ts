import {
  type Endpoint,
  type EndpointAddress,
  formatEndpoint,
  type Protocol,
  type Service,
  type ServiceDirectory,
  type ServicePort,
  type ServicePortName,
} from '@edgeway/core'

/** A ServiceDirectory that tests fill by hand. Passes `serviceDirectoryContract`. */
export class FakeServiceDirectory implements ServiceDirectory {
  loaded: boolean
  readonly #services = new Map<string, Service>()
  readonly #endpoints = new Map<ServicePortName, readonly Endpoint[]>()
  readonly #listeners = new Set<(changed: ServicePortName) => void>()
  readonly #loading = Promise.withResolvers<void>()

  constructor({ loaded = true } = {}) {
    this.loaded = loaded
  }

  load(): void {
    this.loaded = true
    this.#loading.resolve()
  }

  /** Adds or replaces a Service; `endpoints` go to its first port. */
  set(service: Service, endpoints?: readonly Endpoint[]): void {
    const key = `${service.namespace}/${service.name}`
    const before = this.#services.get(key)
    // To the end: what two Services claim belongs to the latest.
    this.#services.delete(key)
    this.#services.set(key, service)
    const [first] = service.ports
    if (first !== undefined && endpoints !== undefined) this.#endpoints.set(first.name, endpoints)
    this.#notify(new Set([...(before?.ports ?? []), ...service.ports].map(({ name }) => name)))
  }

  setEndpoints(name: ServicePortName, endpoints: readonly Endpoint[]): void {
    this.#endpoints.set(name, endpoints)
    this.#notify(new Set([name]))
  }

  delete(namespace: string, name: string): void {
    const service = this.#services.get(`${namespace}/${name}`)
    if (service === undefined) return
    this.#services.delete(`${namespace}/${name}`)
    for (const port of service.ports) this.#endpoints.delete(port.name)
    this.#notify(new Set(service.ports.map((port) => port.name)))
  }

  async whenLoaded(signal: AbortSignal): Promise<void> {
    if (this.loaded) return
    signal.throwIfAborted()
    const aborted = Promise.withResolvers<never>()
    const abort = (): void => aborted.reject(signal.reason)
    signal.addEventListener('abort', abort, { once: true })
    try {
      await Promise.race([this.#loading.promise, aborted.promise])
    } finally {
      signal.removeEventListener('abort', abort)
    }
  }

  service(namespace: string, name: string): Service | undefined {
    return this.#services.get(`${namespace}/${name}`)
  }

  hasNamespace(namespace: string): boolean {
    return this.#services.values().some((service) => service.namespace === namespace)
  }

  servicePorts(): Iterable<ServicePort> {
    return this.#services.values().flatMap(({ ports }) => ports)
  }

  servicePort(name: ServicePortName): ServicePort | undefined {
    return this.#find((port) => port.name === name)
  }

  serviceOf(name: ServicePortName): Service | undefined {
    return this.#services.values().find(({ ports }) => ports.some((port) => port.name === name))
  }

  lookup(ip: string, port: number, protocol: Protocol): ServicePort | undefined {
    const at = (addresses: (candidate: ServicePort) => readonly string[]): ServicePort | undefined =>
      this.#find(
        (candidate) =>
          candidate.port === port && candidate.protocol === protocol && addresses(candidate).includes(ip),
      )
    return (
      at(({ clusterIps }) => clusterIps) ??
      at(({ clusterIps, externalIps }) => (clusterIps.length > 0 ? externalIps : []))
    )
  }

  lookupNodePort(port: number, protocol: Protocol): ServicePort | undefined {
    return this.#find(
      ({ nodePort, clusterIps, ...candidate }) =>
        nodePort === port && clusterIps.length > 0 && candidate.protocol === protocol,
    )
  }

  endpoints(name: ServicePortName): readonly Endpoint[] {
    return this.#endpoints.get(name) ?? []
  }

  hasEndpoint(endpoint: EndpointAddress): boolean {
    const key = formatEndpoint(endpoint)
    return this.#endpoints.values().some((all) => all.some((one) => formatEndpoint(one) === key))
  }

  presentAddress(endpoint: EndpointAddress): EndpointAddress {
    return endpoint
  }

  watch(listener: (changed: ServicePortName) => void): Disposable {
    this.#listeners.add(listener)
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) }
  }

  #find(matches: (port: ServicePort) => boolean): ServicePort | undefined {
    return [...this.servicePorts()].findLast(matches)
  }

  #notify(changed: ReadonlySet<ServicePortName>): void {
    for (const name of changed) for (const listener of this.#listeners) listener(name)
  }
}
