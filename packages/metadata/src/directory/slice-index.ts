import {
  type Endpoint,
  type EndpointAddress,
  formatEndpoint,
  formatServicePortName,
  type NodeName,
  type ServicePort,
} from '@edgeway/core'
import type { EndpointSlice } from '../mappers/endpoint-slice-mapper.ts'
import type { Corrections } from '../own-endpoints/corrections.ts'
import type { OwnEndpoint } from '../own-endpoints/own-endpoint.ts'

/**
 * The endpoints of each Service: from its EndpointSlices, or from its Endpoints where those are followed, which is where
 * slices can't be relied on; those of the own node as they were found to be.
 */
export class SliceIndex {
  readonly #nodeName: NodeName
  readonly #slices = new Map<string, EndpointSlice>()
  /** Keys of the slices of each Service, in the order in which they came. */
  readonly #keysOfService = new Map<string, Set<string>>()
  readonly #endpointsOfService = new Map<string, readonly EndpointSlice[]>()
  #corrections: Corrections

  constructor(nodeName: NodeName, corrections: Corrections) {
    this.#nodeName = nodeName
    this.#corrections = corrections
  }

  /**
   * @param key - `namespace/name` of the slice
   * @param slice - `undefined`: there is none any more
   * @returns the Services that it touches
   */
  setSlice(key: string, slice: EndpointSlice | undefined): ReadonlySet<string> {
    const before = this.#slices.get(key)
    if (before !== undefined) this.#forget(key, before)
    if (slice !== undefined) {
      this.#slices.set(key, slice)
      const siblings = this.#keysOfService.get(slice.service) ?? new Set()
      this.#keysOfService.set(slice.service, siblings.add(key))
    }
    return new Set([before, slice].flatMap((one) => (one === undefined ? [] : [one.service])))
  }

  /** Takes the Endpoints of a Service, as slices; `undefined`: there are none any more. */
  setEndpoints(service: string, slices: readonly EndpointSlice[] | undefined): void {
    if (slices === undefined) this.#endpointsOfService.delete(service)
    else this.#endpointsOfService.set(service, slices)
  }

  /** @returns the Services that may be touched */
  correct(corrections: Corrections): ReadonlySet<string> {
    this.#corrections = corrections
    const services = new Set<string>()
    for (const slice of this.#all())
      if (slice.endpoints.some(({ node }) => node === this.#nodeName)) services.add(slice.service)
    return services
  }

  /** Those of the own node, as the source has them. */
  *ownEndpoints(): Iterable<OwnEndpoint> {
    for (const { endpoints, ports } of this.#all())
      for (const { node, ip, pod } of endpoints)
        if (node === this.#nodeName) for (const { port, protocol } of ports) yield { ip, port, protocol, pod }
  }

  presentAddress(endpoint: EndpointAddress): EndpointAddress {
    if (endpoint.node !== this.#nodeName) return endpoint
    const ip = this.#corrections.presentIp(endpoint.ip)
    return ip === endpoint.ip ? endpoint : { ...endpoint, ip }
  }

  /** From all slices of the Service: slices are cut by size, and one endpoint may be in two while it moves. */
  endpointsOf(service: string, port: ServicePort): readonly Endpoint[] {
    const found = new Map<string, Endpoint>()
    for (const slice of this.#slicesOf(service)) {
      for (const endpoint of this.#endpointsIn(slice, port)) {
        const id = formatEndpoint(endpoint)
        if (found.get(id)?.ready !== true) found.set(id, endpoint)
      }
    }
    return [...found.values()]
  }

  #forget(key: string, { service }: EndpointSlice): void {
    this.#slices.delete(key)
    const siblings = this.#keysOfService.get(service)
    siblings?.delete(key)
    if (siblings?.size === 0) this.#keysOfService.delete(service)
  }

  *#all(): Iterable<EndpointSlice> {
    for (const slices of this.#endpointsOfService.values()) yield* slices
    for (const slice of this.#slices.values()) if (!this.#endpointsOfService.has(slice.service)) yield slice
  }

  #slicesOf(service: string): readonly EndpointSlice[] {
    const keys = this.#keysOfService.get(service) ?? []
    return this.#endpointsOfService.get(service) ?? [...keys].flatMap((key) => this.#slices.get(key) ?? [])
  }

  /** The ports of slice and Service belong together by name and protocol; the slice's has the number of the target. */
  #endpointsIn({ service, ports, endpoints }: EndpointSlice, servicePort: ServicePort): Endpoint[] {
    const [namespace = '', name = ''] = service.split('/')
    return ports
      .filter(({ protocol }) => protocol === servicePort.protocol)
      .filter((port) => formatServicePortName(namespace, name, port.name) === servicePort.name)
      .flatMap(({ port, protocol }) =>
        endpoints.map((endpoint) => this.#corrected({ ...endpoint, port, protocol })),
      )
  }

  #corrected(endpoint: Endpoint): Endpoint {
    if (endpoint.node !== this.#nodeName) return endpoint
    const ip = this.#corrections.presentIp(endpoint.ip)
    if (this.#corrections.isDead(endpoint)) return { ...endpoint, ip, ready: false, serving: false }
    return ip === endpoint.ip ? endpoint : { ...endpoint, ip }
  }
}
