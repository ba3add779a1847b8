import { isDeepStrictEqual } from 'node:util'
import {
  type Endpoint,
  formatVirtualServicePortName,
  ipFamilyOf,
  isPublished,
  type NodeName,
  type Service,
  type ServicePort,
  type ServicePortName,
} from '@edgeway/core'
import { isNamed, labelOf } from './address-key.ts'
import { isSameEndpoint, type Sight } from './sight.ts'
import { carriedAnnotations, serviceFor } from './virtual-service.ts'

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
  readonly madeOf: MadeOf
}

/** Whoever has the same is the same. */
interface MadeOf {
  readonly service: Service
  readonly ip: string
  readonly rivals: readonly Sight[]
}

/** What a headless Service is seen as on this node. */
export interface HeadlessView {
  /** What its names stand for, by ServicePort; only where that is not what the directory has. */
  readonly names: ReadonlyMap<ServicePortName, readonly Endpoint[]>
  readonly ports: ReadonlyMap<ServicePortName, VirtualPort>
  /** Those of its endpoints. */
  readonly nodes: ReadonlySet<NodeName | undefined>
  /** `undefined`: made of nothing. */
  readonly source: HeadlessSource | undefined
}

/** What a view is made from. */
export interface HeadlessSource {
  readonly service: Service
  /** Of all its ports, as the directory has them. */
  readonly endpoints: ReadonlyMap<ServicePortName, readonly Endpoint[]>
  /** The same, each in its place. */
  readonly sights: ReadonlyMap<ServicePortName, readonly Sight[]>
  addressOf(key: string): string | undefined
}

export const NO_VIEW: HeadlessView = {
  names: new Map(),
  ports: new Map(),
  nodes: new Set(),
  source: undefined,
}

/**
 * Names stand for virtual addresses of the endpoints that can't be reached otherwise. All endpoints that have one, whether
 * they need it now or did before, are called by a virtual ServicePort of their own. Who was called by a name before is
 * refused under it, as long as the address is kept for whoever comes back.
 *
 * @param before - all of it that is equal goes on as the same object
 */
export function headlessView(source: HeadlessSource, before: HeadlessView): HeadlessView {
  const names = [...source.sights].map(
    ([name, sights]) => [name, namedBy(source, sights, before.names.get(name))] as const,
  )
  const ports = new Map(virtualPorts(source, before).map((one) => [one.port.name, one]))
  for (const [name, one] of before.ports)
    if (!ports.has(name) && isAwaited(one, source))
      ports.set(
        name,
        one.endpoints.length === 0 ? one : { ...one, endpoints: [], madeOf: { ...one.madeOf, rivals: [] } },
      )
  return {
    names: new Map(names.flatMap(([name, some]) => (some === undefined ? [] : [[name, some]]))),
    ports,
    nodes: new Set(
      [...source.sights.values()].flatMap((sights) => sights.map(({ endpoint }) => endpoint.node)),
    ),
    source,
  }
}

/** @returns `undefined` where no endpoint has a virtual address */
function namedBy(
  source: HeadlessSource,
  sights: readonly Sight[],
  before: readonly Endpoint[] | undefined,
): readonly Endpoint[] | undefined {
  const addresses = sights.map(({ key, reach }) =>
    reach === 'reachable' ? undefined : source.addressOf(key),
  )
  if (addresses.every((ip) => ip === undefined)) return undefined
  const named = sights.map(({ endpoint }, index) => {
    const now = { ...endpoint, ip: addresses[index] ?? endpoint.ip }
    const known = before?.[index]
    return known !== undefined && isSameEndpoint(known, now) ? known : now
  })
  const isSame = before?.length === named.length && named.every((one, index) => one === before[index])
  return isSame ? before : named
}

function virtualPorts(source: HeadlessSource, before: HeadlessView): VirtualPort[] {
  const annotations = carriedAnnotations(source.service.annotations)
  const known = Map.groupBy(before.ports.values(), ({ of }) => of)
  return source.service.ports.flatMap((port) => {
    const former = new Map(known.get(port.name)?.map((one) => [one.key, one]))
    const byKey = Map.groupBy(source.sights.get(port.name) ?? [], ({ key }) => key)
    return [...byKey].flatMap(([key, rivals]) => {
      const ip = source.addressOf(key)
      if (ip === undefined) return []
      const madeOf = { service: source.service, ip, rivals }
      const one = former.get(key)
      if (one !== undefined && isSameMake(one.madeOf, madeOf)) return [one]
      const made = virtualPort(port, madeOf, annotations)
      return made === undefined ? [] : [unlessEqual(before.ports.get(made.port.name), made)]
    })
  })
}

function virtualPort(
  port: ServicePort,
  madeOf: MadeOf,
  annotations: Service['annotations'],
): VirtualPort | undefined {
  const { service, ip, rivals } = madeOf
  const [first, ...others] = calledBy(service, rivals)
  if (first === undefined) return undefined
  const endpoints = [first, ...others.filter((other) => other.port === first.port)]
  const called = { ...port, ...callsFor(port, first, ip) }
  return {
    port: called,
    service: { ...serviceFor(service, labelOf(first), called), annotations },
    endpoints: endpoints.map((endpoint) => asReady(service, endpoint)),
    key: rivals[0]?.key ?? '',
    of: port.name,
    isNamed: isNamed(first),
    madeOf,
  }
}

function isSameMake(a: MadeOf, b: MadeOf): boolean {
  if (a.service !== b.service || a.ip !== b.ip || a.rivals.length !== b.rivals.length) return false
  return a.rivals.every((one, index) => one === b.rivals[index])
}

/** While a pod moves there are two of its name: the one that stays and is not called by its own address counts. */
function calledBy(service: Service, rivals: readonly Sight[]): readonly Endpoint[] {
  const far = rivals.filter(({ reach }) => reach !== 'reachable')
  const able = (far.length > 0 ? far : rivals).map(({ endpoint }) => endpoint)
  const published = able.filter((endpoint) => isPublished(service, endpoint))
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

/** Peers of a StatefulSet look for one another before they are ready. */
function asReady(service: Service, endpoint: Endpoint): Endpoint {
  return endpoint.ready || !isPublished(service, endpoint) ? endpoint : { ...endpoint, ready: true }
}

function isAwaited({ isNamed: named, of, key, port }: VirtualPort, source: HeadlessSource): boolean {
  return named && source.endpoints.has(of) && source.addressOf(key) === port.clusterIps[0]
}

function unlessEqual(before: VirtualPort | undefined, now: VirtualPort): VirtualPort {
  if (before === undefined) return now
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
