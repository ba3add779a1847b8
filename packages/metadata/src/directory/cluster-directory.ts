import { isDeepStrictEqual } from 'node:util'
import type {
  Endpoint,
  EndpointAddress,
  Node,
  NodeDirectory,
  NodeName,
  Protocol,
  Service,
  ServiceDirectory,
  ServicePort,
  ServicePortName,
} from '@edgeway/core'
import type { DestinationRule } from '../mappers/destination-rule-mapper.ts'
import type { EndpointSlice } from '../mappers/endpoint-slice-mapper.ts'
import { type Corrections, NO_CORRECTIONS } from '../own-endpoints/corrections.ts'
import type { OwnEndpoint } from '../own-endpoints/own-endpoint.ts'
import { AddressIndex } from './address-index.ts'
import { ChangeNotices } from './change-notices.ts'
import { DestinationRuleIndex } from './destination-rule-index.ts'
import { EndpointIndex } from './endpoint-index.ts'
import { SliceIndex } from './slice-index.ts'

const NO_ENDPOINTS: readonly Endpoint[] = []

/** The cluster in memory: Services with their endpoints, and Nodes. A change costs what it touches, no more. */
export class ClusterDirectory implements ServiceDirectory, NodeDirectory {
  /** With the policies of their DestinationRules. */
  readonly #services = new Map<string, Service>()
  readonly #destinationRules: DestinationRuleIndex
  readonly #servicesOfNamespace = new Map<string, number>()
  readonly #slices: SliceIndex
  readonly #ports = new Map<ServicePortName, ServicePort>()
  readonly #serviceOfPort = new Map<ServicePortName, Service>()
  readonly #addresses = new AddressIndex()
  readonly #endpoints = new Map<ServicePortName, readonly Endpoint[]>()
  readonly #endpointIndex = new EndpointIndex()
  readonly #nodes = new Map<NodeName, Node>()
  readonly #portChanges = new ChangeNotices<ServicePortName>()
  readonly #nodeChanges = new ChangeNotices<NodeName>()
  readonly #loading = Promise.withResolvers<void>()
  #loaded = false

  /** @param nodeName - whose endpoints `correct` is about */
  constructor(nodeName: NodeName, destinationRules = new DestinationRuleIndex()) {
    this.#slices = new SliceIndex(nodeName, NO_CORRECTIONS)
    this.#destinationRules = destinationRules
  }

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

  serviceOf(name: ServicePortName): Service | undefined {
    return this.#serviceOfPort.get(name)
  }

  lookup(ip: string, port: number, protocol: Protocol): ServicePort | undefined {
    return this.#addresses.get(ip, port, protocol)
  }

  lookupNodePort(port: number, protocol: Protocol): ServicePort | undefined {
    return this.#addresses.getNodePort(port, protocol)
  }

  endpoints(name: ServicePortName): readonly Endpoint[] {
    return this.#endpoints.get(name) ?? NO_ENDPOINTS
  }

  hasEndpoint(endpoint: EndpointAddress): boolean {
    return this.#endpointIndex.has(endpoint) || this.#endpointIndex.has(this.presentAddress(endpoint))
  }

  presentAddress(endpoint: EndpointAddress): EndpointAddress {
    return this.#slices.presentAddress(endpoint)
  }

  watch(listener: (changed: ServicePortName) => void): Disposable {
    return this.#portChanges.watch(listener)
  }

  node(name: NodeName): Node | undefined {
    return this.#nodes.get(name)
  }

  nodes(): Iterable<Node> {
    return this.#nodes.values()
  }

  watchNodes(listener: (changed: NodeName) => void): Disposable {
    return this.#nodeChanges.watch(listener)
  }

  /** Takes many changes and tells of each ServicePort and Node once, after all of them. */
  batch(work: () => void): void {
    this.#nodeChanges.batch(() => this.#portChanges.batch(work))
  }

  /** @param node - `undefined`: there is none of that name any more */
  setNode(name: NodeName, node: Node | undefined): void {
    if (node === undefined) this.#nodes.delete(name)
    else this.#nodes.set(name, node)
    this.#nodeChanges.tell([name])
  }

  /**
   * @param key - `namespace/name`
   * @param plain - without a policy; `undefined`: there is none of that name any more
   */
  setService(key: string, plain: Service | undefined): void {
    const before = this.#services.get(key)
    const service = plain === undefined ? undefined : this.#withPolicy(key, plain)
    if (isDeepStrictEqual(before, service)) return
    if (before !== undefined) this.#forgetService(key, before)
    if (service !== undefined) this.#addService(key, service)
    const touched = new Set([...(before?.ports ?? []), ...(service?.ports ?? [])].map(({ name }) => name))
    for (const name of touched) {
      const port = this.#ports.get(name)
      this.#setEndpoints(name, port === undefined ? NO_ENDPOINTS : this.#slices.endpointsOf(key, port))
    }
    this.#portChanges.tell(touched)
    if ((before === undefined) !== (service === undefined))
      this.#refreshPolicies(this.#destinationRules.dependents(key))
  }

  /**
   * @param key - `namespace/name`
   * @param rule - `undefined`: there is none of that name any more
   */
  setDestinationRule(key: string, rule: DestinationRule | undefined): void {
    this.#refreshPolicies(this.#destinationRules.set(key, rule))
  }

  /**
   * @param key - `namespace/name` of the slice
   * @param slice - `undefined`: there is none of that name any more
   */
  setSlice(key: string, slice: EndpointSlice | undefined): void {
    this.#refreshEndpoints(this.#slices.setSlice(key, slice))
  }

  /**
   * Takes the Endpoints of a Service, for use instead of its EndpointSlices.
   *
   * @param service - `namespace/name`
   * @param slices - `undefined`: it has none any more
   */
  setEndpoints(service: string, slices: readonly EndpointSlice[] | undefined): void {
    this.#slices.setEndpoints(service, slices)
    this.#refreshEndpoints([service])
  }

  /** The own node's endpoints as the source has them, whatever was found out about them. */
  ownEndpoints(): Iterable<OwnEndpoint> {
    return this.#slices.ownEndpoints()
  }

  /** Takes what was found out about the own node's endpoints, in place of what was before. */
  correct(corrections: Corrections): void {
    this.#refreshEndpoints(this.#slices.correct(corrections))
  }

  #addService(key: string, service: Service): void {
    this.#services.set(key, service)
    this.#countNamespace(service.namespace, 1)
    for (const port of service.ports) {
      this.#ports.set(port.name, port)
      this.#serviceOfPort.set(port.name, service)
      this.#addresses.add(port)
    }
  }

  #forgetService(key: string, service: Service): void {
    this.#services.delete(key)
    this.#countNamespace(service.namespace, -1)
    for (const port of service.ports) {
      this.#ports.delete(port.name)
      this.#serviceOfPort.delete(port.name)
      this.#addresses.remove(port)
    }
  }

  #withPolicy(key: string, service: Service): Service {
    const destinationPolicy = this.#destinationRules.policyOf(key, (other) => this.#services.has(other))
    return destinationPolicy === service.destinationPolicy ? service : { ...service, destinationPolicy }
  }

  /** The Service's ports and addresses stay as they are: no claim becomes newer by a policy. */
  #refreshPolicies(services: Iterable<string>): void {
    for (const key of services) {
      const before = this.#services.get(key)
      if (before === undefined) continue
      const service = this.#withPolicy(key, before)
      if (isDeepStrictEqual(before.destinationPolicy, service.destinationPolicy)) continue
      this.#services.set(key, service)
      for (const { name } of service.ports) this.#serviceOfPort.set(name, service)
      this.#portChanges.tell(service.ports.map(({ name }) => name))
    }
  }

  #refreshEndpoints(services: Iterable<string>): void {
    const changed: ServicePortName[] = []
    for (const service of services)
      for (const port of this.#services.get(service)?.ports ?? [])
        if (this.#setEndpoints(port.name, this.#slices.endpointsOf(service, port))) changed.push(port.name)
    this.#portChanges.tell(changed)
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
}
