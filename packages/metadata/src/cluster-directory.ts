import { isDeepStrictEqual } from 'node:util'
import {
  type Endpoint,
  formatEndpoint,
  formatServicePortName,
  type Node,
  type NodeDirectory,
  type NodeName,
  type Protocol,
  type Service,
  type ServiceDirectory,
  type ServicePort,
  type ServicePortName,
} from '@edgeway/core'
import { EndpointIndex } from './endpoint-index.ts'
import type { EndpointSlice } from './endpoint-slice-mapper.ts'

const NO_ENDPOINTS: readonly Endpoint[] = []

/** The cluster in memory: Services with their endpoints, and Nodes. A change costs what it touches, no more. */
export class ClusterDirectory implements ServiceDirectory, NodeDirectory {
  readonly #services = new Map<string, Service>()
  readonly #servicesOfNamespace = new Map<string, number>()
  readonly #slices = new Map<string, EndpointSlice>()
  /** Keys of the slices of each Service, in the order in which they came. */
  readonly #slicesOfService = new Map<string, Set<string>>()
  readonly #ports = new Map<ServicePortName, ServicePort>()
  /** By ClusterIP and port; several while an address moves from one Service to another: the latest has it. */
  readonly #portsByAddress = new Map<string, readonly ServicePort[]>()
  readonly #endpoints = new Map<ServicePortName, readonly Endpoint[]>()
  readonly #endpointIndex = new EndpointIndex()
  readonly #nodes = new Map<NodeName, Node>()
  readonly #watchers = new Set<(changed: ServicePortName) => void>()
  readonly #loading = Promise.withResolvers<void>()
  #loaded = false

  get loaded(): boolean {
    return this.#loaded
  }

  /** From here on absence means that there is none. */
  markLoaded(): void {
    this.#loaded = true
    this.#loading.resolve()
  }

  async whenLoaded(signal: AbortSignal): Promise<void> {
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
    return this.#servicesOfNamespace.has(namespace)
  }

  servicePorts(): Iterable<ServicePort> {
    return this.#ports.values()
  }

  servicePort(name: ServicePortName): ServicePort | undefined {
    return this.#ports.get(name)
  }

  lookup(ip: string, port: number, protocol: Protocol): ServicePort | undefined {
    return this.#portsByAddress.get(addressKey(ip, port, protocol))?.at(-1)
  }

  endpoints(name: ServicePortName): readonly Endpoint[] {
    return this.#endpoints.get(name) ?? NO_ENDPOINTS
  }

  hasEndpoint(endpoint: Omit<Endpoint, 'ready'>): boolean {
    return this.#endpointIndex.has(endpoint)
  }

  watch(listener: (changed: ServicePortName) => void): Disposable {
    // Its own function: one listener may be given twice.
    const watcher = (changed: ServicePortName): void => listener(changed)
    this.#watchers.add(watcher)
    return { [Symbol.dispose]: () => void this.#watchers.delete(watcher) }
  }

  node(name: NodeName): Node | undefined {
    return this.#nodes.get(name)
  }

  setNode(node: Node): void {
    this.#nodes.set(node.name, node)
  }

  deleteNode(name: NodeName): void {
    this.#nodes.delete(name)
  }

  setService(service: Service): void {
    const key = `${service.namespace}/${service.name}`
    this.#replaceService(key, service)
  }

  deleteService(key: string): void {
    this.#replaceService(key, undefined)
  }

  /** @param key - `namespace/name` of the slice */
  setSlice(key: string, slice: EndpointSlice): void {
    const before = this.#slices.get(key)
    if (before !== undefined && before.service !== slice.service) this.deleteSlice(key)
    this.#slices.set(key, slice)
    const siblings = this.#slicesOfService.get(slice.service) ?? new Set()
    this.#slicesOfService.set(slice.service, siblings.add(key))
    this.#refreshEndpoints(slice.service)
  }

  deleteSlice(key: string): void {
    const slice = this.#slices.get(key)
    if (slice === undefined) return
    this.#slices.delete(key)
    const siblings = this.#slicesOfService.get(slice.service)
    siblings?.delete(key)
    if (siblings?.size === 0) this.#slicesOfService.delete(slice.service)
    this.#refreshEndpoints(slice.service)
  }

  #replaceService(key: string, after: Service | undefined): void {
    const before = this.#services.get(key)
    if (isDeepStrictEqual(before, after)) return
    this.#forgetService(key, before)
    if (after !== undefined) {
      this.#services.set(key, after)
      this.#countNamespace(after.namespace, 1)
      for (const port of after.ports) this.#addPort(port)
    }
    const touched = new Set([...(before?.ports ?? []), ...(after?.ports ?? [])].map(({ name }) => name))
    for (const name of touched) {
      const port = this.#ports.get(name)
      this.#setEndpoints(name, port === undefined ? NO_ENDPOINTS : this.#endpointsOf(key, port))
    }
    this.#notify(touched)
  }

  #forgetService(key: string, service: Service | undefined): void {
    if (service === undefined) return
    this.#services.delete(key)
    this.#countNamespace(service.namespace, -1)
    for (const port of service.ports) this.#removePort(port)
  }

  #addPort(port: ServicePort): void {
    this.#ports.set(port.name, port)
    for (const key of addressKeysOf(port))
      this.#portsByAddress.set(key, [...(this.#portsByAddress.get(key) ?? []), port])
  }

  #removePort(port: ServicePort): void {
    this.#ports.delete(port.name)
    for (const key of addressKeysOf(port)) {
      const others = (this.#portsByAddress.get(key) ?? []).filter(({ name }) => name !== port.name)
      if (others.length > 0) this.#portsByAddress.set(key, others)
      else this.#portsByAddress.delete(key)
    }
  }

  #refreshEndpoints(service: string): void {
    const ports = this.#services.get(service)?.ports ?? []
    const changed = ports.filter((port) => this.#setEndpoints(port.name, this.#endpointsOf(service, port)))
    this.#notify(new Set(changed.map(({ name }) => name)))
  }

  /** From all slices of the Service: slices are cut by size, and one endpoint may be in two while it moves. */
  #endpointsOf(service: string, port: ServicePort): readonly Endpoint[] {
    const found = new Map<string, Endpoint>()
    for (const key of this.#slicesOfService.get(service) ?? []) {
      const slice = this.#slices.get(key)
      for (const endpoint of slice === undefined ? [] : endpointsIn(slice, port)) {
        const id = formatEndpoint(endpoint)
        if (found.get(id)?.ready !== true) found.set(id, endpoint)
      }
    }
    return [...found.values()]
  }

  /** @returns false when they were so already */
  #setEndpoints(name: ServicePortName, after: readonly Endpoint[]): boolean {
    const before = this.endpoints(name)
    if (isDeepStrictEqual(before, after)) return false
    this.#endpointIndex.replace(before, after)
    if (after.length === 0) this.#endpoints.delete(name)
    else this.#endpoints.set(name, after)
    return true
  }

  #countNamespace(namespace: string, change: 1 | -1): void {
    const count = (this.#servicesOfNamespace.get(namespace) ?? 0) + change
    if (count > 0) this.#servicesOfNamespace.set(namespace, count)
    else this.#servicesOfNamespace.delete(namespace)
  }

  #notify(changed: ReadonlySet<ServicePortName>): void {
    for (const name of changed) for (const watcher of this.#watchers) watcher(name)
  }
}

/** The ports of slice and Service belong together by name and protocol; the slice's has the number of the target. */
function endpointsIn({ service, ports, addresses }: EndpointSlice, servicePort: ServicePort): Endpoint[] {
  const [namespace = '', name = ''] = service.split('/')
  return ports
    .filter(({ protocol }) => protocol === servicePort.protocol)
    .filter((port) => formatServicePortName(namespace, name, port.name) === servicePort.name)
    .flatMap(({ port, protocol }) =>
      addresses.map(({ ip, node, ready }) => ({ node, ip, port, protocol, ready })),
    )
}

function addressKeysOf({ clusterIps, port, protocol }: ServicePort): string[] {
  return clusterIps.map((ip) => addressKey(ip, port, protocol))
}

function addressKey(ip: string, port: number, protocol: Protocol): string {
  return `${ip} ${port} ${protocol}`
}
