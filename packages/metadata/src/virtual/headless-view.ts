import { isDeepStrictEqual } from 'node:util'
import {
  annotationProblems,
  type Endpoint,
  FORWARDING_ANNOTATION,
  formatVirtualServicePortName,
  HEALTH_CHECK_ANNOTATION,
  INTERCEPT_ANNOTATION,
  ipFamilyOf,
  isPublished,
  type NodeName,
  PROXY_PROTOCOL_ANNOTATION,
  SERVICE_TOPOLOGY_ANNOTATION,
  type Service,
  type ServicePort,
  type ServicePortName,
} from '@edgeway/core'
import { addressKeyOf, isNamed, labelOf } from './address-key.ts'

/** By which one endpoint of a headless Service is called. */
export interface VirtualPort {
  readonly port: ServicePort
  /** Of its own, so that selection treats the one endpoint as what it is. */
  readonly service: Service
  /** None while the endpoint is gone. */
  readonly endpoints: readonly Endpoint[]
  /** Of its address. */
  readonly key: string
  /** The ServicePort of the cluster that the endpoint serves. */
  readonly of: ServicePortName
  /** It has a name under which it may come back. */
  readonly isNamed: boolean
}

/** What a headless Service is seen as on this node. */
export interface HeadlessView {
  /** What its names stand for, by ServicePort; only where that is not what the directory has. */
  readonly names: ReadonlyMap<ServicePortName, readonly Endpoint[]>
  readonly ports: ReadonlyMap<ServicePortName, VirtualPort>
  /** Those of its endpoints. */
  readonly nodes: ReadonlySet<NodeName | undefined>
}

/** What a view is made from. */
export interface HeadlessSource {
  readonly service: Service
  /** Of all its ports, as the directory has them. */
  readonly endpoints: ReadonlyMap<ServicePortName, readonly Endpoint[]>
  /** Whether its own address leads to it from this node. */
  isReachable(endpoint: Endpoint): boolean
  addressOf(key: string): string | undefined
}

export const NO_VIEW: HeadlessView = { names: new Map(), ports: new Map(), nodes: new Set() }

/** Those that mean something to connections to one endpoint. */
const CARRIED_ANNOTATIONS = new Set([
  FORWARDING_ANNOTATION,
  HEALTH_CHECK_ANNOTATION,
  INTERCEPT_ANNOTATION,
  PROXY_PROTOCOL_ANNOTATION,
  SERVICE_TOPOLOGY_ANNOTATION,
])

/** `namespace/name` */
export function serviceKeyOf({ namespace, name }: Pick<Service, 'namespace' | 'name'>): string {
  return `${namespace}/${name}`
}

/**
 * Names stand for virtual addresses of the endpoints that can't be reached otherwise. All endpoints that have one, whether
 * they need it now or did before, are called by a virtual ServicePort of their own.
 */
export function headlessView(source: HeadlessSource): HeadlessView {
  const all = [...source.endpoints.values()].flat()
  const names = [...source.endpoints].map(([name, endpoints]) => [name, namedBy(source, endpoints)] as const)
  const ports = source.service.ports.flatMap((port) => virtualPorts(source, port))
  return {
    names: new Map(names.filter(([name, endpoints]) => endpoints !== source.endpoints.get(name))),
    ports: new Map(ports.map((one) => [one.port.name, one])),
    nodes: new Set(all.map(({ node }) => node)),
  }
}

/**
 * What of the view before goes on: all that is equal is the same object; and who was called by a name is refused under it, as
 * long as the address is kept for whoever comes back.
 */
export function succeed(before: HeadlessView, now: HeadlessView, source: HeadlessSource): HeadlessView {
  const ports = new Map([...now.ports].map(([name, one]) => [name, unlessEqual(before.ports.get(name), one)]))
  for (const [name, one] of before.ports)
    if (!ports.has(name) && isAwaited(one, source))
      ports.set(name, one.endpoints.length === 0 ? one : { ...one, endpoints: [] })
  const names = [...now.names].map(([name, some]) => [name, equalOr(before.names.get(name), some)] as const)
  return { names: new Map(names), ports, nodes: now.nodes }
}

/** The directory's own array where no endpoint has a virtual address. */
function namedBy(source: HeadlessSource, endpoints: readonly Endpoint[]): readonly Endpoint[] {
  const named = endpoints.map((endpoint) => {
    const ip = source.isReachable(endpoint) ? undefined : source.addressOf(keyOf(source, endpoint))
    return ip === undefined ? endpoint : { ...endpoint, ip }
  })
  return named.every((endpoint, index) => endpoint === endpoints[index]) ? endpoints : named
}

function virtualPorts(source: HeadlessSource, port: ServicePort): VirtualPort[] {
  const byKey = Map.groupBy(source.endpoints.get(port.name) ?? [], (endpoint) => keyOf(source, endpoint))
  return [...byKey].flatMap(([key, rivals]) => {
    const ip = source.addressOf(key)
    const [first, ...others] = calledBy(source, rivals)
    if (ip === undefined || first === undefined) return []
    const endpoints = [first, ...others.filter((other) => other.port === first.port)]
    const called = { ...port, ...callsFor(port, first, ip) }
    return [
      {
        port: called,
        service: serviceFor(source.service, labelOf(first), called),
        endpoints: endpoints.map((endpoint) => asReady(source.service, endpoint)),
        key,
        of: port.name,
        isNamed: isNamed(first),
      },
    ]
  })
}

/** While a pod moves there are two of its name: the one that stays and is not called by its own address counts. */
function calledBy(source: HeadlessSource, rivals: readonly Endpoint[]): readonly Endpoint[] {
  const far = rivals.filter((endpoint) => !source.isReachable(endpoint))
  const able = far.length > 0 ? far : rivals
  const published = able.filter((endpoint) => isPublished(source.service, endpoint))
  const staying = published.filter(({ terminating }) => !terminating)
  return [staying, published].find((some) => some.length > 0) ?? able
}

/** Nobody translates the port of a headless Service: it is called by the endpoint's. */
function callsFor(
  { name }: ServicePort,
  endpoint: Endpoint,
  ip: string,
): Pick<ServicePort, 'name' | 'port' | 'clusterIps' | 'externalIps' | 'nodePort'> {
  const family = ipFamilyOf(endpoint.ip)
  const label = family === 'IPv4' ? labelOf(endpoint) : `${labelOf(endpoint)}/${family}`
  return {
    name: formatVirtualServicePortName(name, label),
    port: endpoint.port,
    clusterIps: [ip],
    externalIps: [],
    nodePort: undefined,
  }
}

/** Without wishes among several endpoints: there is one. */
function serviceFor(service: Service, label: string, port: ServicePort): Service {
  const { destinationPolicy } = service
  return {
    ...service,
    name: `${service.name}@${label}`,
    type: 'ClusterIP',
    clusterIps: port.clusterIps,
    headless: false,
    ports: [port],
    clientIpAffinitySeconds: undefined,
    internalTrafficPolicy: 'Cluster',
    externalTrafficPolicy: 'Cluster',
    trafficDistribution: undefined,
    publishNotReadyAddresses: false,
    destinationPolicy: destinationPolicy && { ...destinationPolicy, balancing: undefined },
    annotations: carried(service.annotations),
  }
}

/** What is wrong with them is told of the Service itself. */
function carried(annotations: Service['annotations']): Service['annotations'] {
  return Object.fromEntries(
    Object.entries(annotations).filter(
      ([name, value]) => CARRIED_ANNOTATIONS.has(name) && annotationProblems({ [name]: value }).length === 0,
    ),
  )
}

/** Peers of a StatefulSet look for one another before they are ready. */
function asReady(service: Service, endpoint: Endpoint): Endpoint {
  return endpoint.ready || !isPublished(service, endpoint) ? endpoint : { ...endpoint, ready: true }
}

function isAwaited({ isNamed: named, of, key, port }: VirtualPort, source: HeadlessSource): boolean {
  return named && source.endpoints.has(of) && source.addressOf(key) === port.clusterIps[0]
}

function unlessEqual(before: VirtualPort | undefined, now: VirtualPort): VirtualPort {
  if (before === undefined) return now
  if (isDeepStrictEqual(before, now)) return before
  const { port, service, endpoints } = now
  return {
    ...now,
    port: equalOr(before.port, port),
    service: equalOr(before.service, service),
    endpoints: equalOr(before.endpoints, endpoints),
  }
}

function equalOr<Value>(before: Value | undefined, now: Value): Value {
  return before !== undefined && isDeepStrictEqual(before, now) ? before : now
}

function keyOf({ service }: HeadlessSource, endpoint: Endpoint): string {
  return addressKeyOf(serviceKeyOf(service), endpoint)
}
