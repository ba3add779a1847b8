import { formatEndpoint, formatServicePortName, type NodeName, type ServicePortName } from '@edgeway/core'
import type { ObjectStore } from '@edgeway/testbed'
import {
  type CloudEndpoint,
  type CloudPort,
  cloudEndpoints,
  cloudNode,
  cloudService,
  put,
  remove,
} from './cloud-objects.ts'
import { nodeLine, portLine, type View } from './view.ts'

export interface TrueService {
  readonly clusterIp: string
  readonly ports: readonly CloudPort[]
}

/** Endpoints of a Service, at each of these ports. */
export interface TrueEndpoints {
  readonly ports: readonly CloudPort[]
  readonly endpoints: readonly CloudEndpoint[]
}

/** An endpoint that a ServicePort has had all the time. */
export interface SteadyEndpoint {
  readonly port: ServicePortName
  /** As of `formatEndpoint`. */
  readonly endpoint: string
}

const NO_ENDPOINTS: TrueEndpoints = { ports: [], endpoints: [] }

/** What the cluster has, in the simplest form; each change is made in a store of API objects at once. */
export class Truth {
  readonly #store: ObjectStore
  readonly #services = new Map<string, TrueService>()
  readonly #endpoints = new Map<string, TrueEndpoints>()
  readonly #nodes = new Map<string, Readonly<Record<string, string>>>()
  /** By the Service's key. */
  readonly #steady = new Map<string, readonly SteadyEndpoint[]>()

  constructor(store: ObjectStore) {
    this.#store = store
  }

  get services(): ReadonlyMap<string, TrueService> {
    return this.#services
  }

  get endpoints(): ReadonlyMap<string, TrueEndpoints> {
    return this.#endpoints
  }

  get nodes(): ReadonlyMap<string, Readonly<Record<string, string>>> {
    return this.#nodes
  }

  setService(key: string, service: TrueService): void {
    const isReshaped = namesOf(this.#services.get(key)?.ports) !== namesOf(service.ports)
    this.#services.set(key, service)
    put(this.#store, cloudService(key, service.clusterIp, service.ports))
    this.#changed(key, isReshaped)
  }

  deleteService(key: string): void {
    this.#services.delete(key)
    remove(this.#store, cloudService(key, '', []))
    this.#changed(key, true)
  }

  setEndpoints(key: string, endpoints: TrueEndpoints): void {
    const isReshaped = namesOf(this.#endpoints.get(key)?.ports) !== namesOf(endpoints.ports)
    this.#endpoints.set(key, endpoints)
    put(this.#store, cloudEndpoints(key, endpoints.ports, endpoints.endpoints))
    this.#changed(key, isReshaped)
  }

  deleteEndpoints(key: string): void {
    this.#endpoints.delete(key)
    remove(this.#store, cloudEndpoints(key, [], []))
    this.#changed(key, true)
  }

  setNode(name: string, labels: Readonly<Record<string, string>>): void {
    this.#nodes.set(name, labels)
    put(this.#store, cloudNode(name, labels))
  }

  deleteNode(name: string): void {
    this.#nodes.delete(name)
    remove(this.#store, cloudNode(name, {}))
  }

  /** What a client should see. */
  view(): View {
    const view = new Map<string, string>()
    for (const [key, { clusterIp, ports }] of this.#services)
      for (const port of ports) {
        const endpoints = this.#endpointsAt(key, port)
        const line = portLine({
          address: `${clusterIp}:${port.port}`,
          endpoints,
        })
        view.set(`port ${portName(key, port)}`, line)
      }
    for (const [name, labels] of this.#nodes) view.set(`node ${name}`, nodeLine(labels))
    return view
  }

  /** Whoever sees the truth now knows of all endpoints there are: from here on it is to lose none that stays. */
  settle(): void {
    this.#steady.clear()
    for (const key of this.#services.keys()) this.#steady.set(key, this.#presentOf(key))
  }

  /** Those of a Service, or of all, that were there all the time since the latest `settle`. */
  steady(key?: string): readonly SteadyEndpoint[] {
    if (key === undefined) return [...this.#steady.values()].flat()
    return this.#steady.get(key) ?? []
  }

  /** @param isReshaped - its endpoints move to other objects: they are not expected to stay in sight meanwhile */
  #changed(key: string, isReshaped: boolean): void {
    const present = new Set(this.#presentOf(key).map(textOf))
    const steady = this.steady(key).filter((one) => present.has(textOf(one)))
    this.#steady.set(key, isReshaped ? [] : steady)
  }

  #presentOf(key: string): SteadyEndpoint[] {
    const { ports } = this.#services.get(key) ?? { ports: [] }
    return ports.flatMap((port) =>
      this.#endpointsAt(key, port).map(({ text }) => ({
        port: portName(key, port),
        endpoint: text,
      })),
    )
  }

  #endpointsAt(key: string, { name }: CloudPort): { readonly text: string; readonly ready: boolean }[] {
    const { ports, endpoints } = this.#endpoints.get(key) ?? NO_ENDPOINTS
    const target = ports.find((port) => port.name === name)
    if (target === undefined) return []
    return endpoints.map(({ node, ip, ready }) => ({
      text: formatEndpoint({
        node: node as NodeName,
        ip,
        port: target.targetPort,
        protocol: 'TCP',
      }),
      ready,
    }))
  }
}

function portName(key: string, port: CloudPort): ServicePortName {
  const [namespace = '', name = ''] = key.split('/')
  return formatServicePortName(namespace, name, port.name)
}

function namesOf(ports: readonly CloudPort[] = []): string {
  return ports.map(({ name }) => name).join(' ')
}

function textOf({ port, endpoint }: SteadyEndpoint): string {
  return `${port} ${endpoint}`
}
