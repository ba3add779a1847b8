import {
  type Endpoint,
  isPublished,
  type Service,
  type ServiceDirectory,
  type ServicePort,
} from '@edgeway/core'
import { AddressAnswers } from './address-answers.ts'
import { hostNameOf } from './host-name.ts'
import type { NameAnswers, PortAnswers, ServiceAnswers } from './name-answers.ts'
import { type NamedPort, type PortTarget, portAnswers, portNameOf } from './port-answers.ts'
import type { ZoneRecords } from './zone-records.ts'

type Endpoints = Pick<ServiceDirectory, 'endpoints'>

/** A headless Service with the endpoints that it had when this was made: specification, 2.4. */
export class HeadlessAnswers implements ServiceAnswers {
  readonly #records: ZoneRecords
  readonly #service: Service
  /** Of each port, as the directory gave them: it replaces the array when they change. */
  readonly #endpoints: readonly (readonly Endpoint[])[]
  readonly #ipsOfHosts: ReadonlyMap<string, readonly string[]>
  /** Nobody to stand for, no such name: specification, 2.4.1. */
  readonly own: NameAnswers | undefined
  readonly hosts: ReadonlyMap<string, NameAnswers>
  #ports: PortAnswers | undefined

  constructor(records: ZoneRecords, service: Service, services: Endpoints) {
    this.#records = records
    this.#service = service
    this.#endpoints = service.ports.map(({ name }) => services.endpoints(name))
    const published = this.#endpoints.flat().filter((endpoint) => isPublished(service, endpoint))
    this.#ipsOfHosts = ipsByHost(published)
    // Sites share private subnets, so one address may be there on two nodes: it is one record all the same.
    const ips = [...new Set(published.map(({ ip }) => ip))]
    this.own = ips.length === 0 ? undefined : new AddressAnswers(records, 'headless-service', ips)
    this.hosts = new Map(
      [...this.#ipsOfHosts].map(([host, own]) => [host, new AddressAnswers(records, 'endpoint', own)]),
    )
  }

  /** HOT PATH: whether `services` still has the endpoints that this was made of. */
  isCurrent(services: Endpoints): boolean {
    const { ports } = this.#service
    for (let index = 0; index < ports.length; index++) {
      const port = ports[index]
      if (port !== undefined && !isSame(this.#endpoints[index], services.endpoints(port.name))) return false
    }
    return true
  }

  get ports(): PortAnswers {
    this.#ports ??= portAnswers(
      this.#records,
      this.#service.ports.flatMap((port, index) => this.#namedPort(port, this.#endpoints[index] ?? [])),
    )
    return this.#ports
  }

  /** Nothing for a port without a name, or without a place. */
  #namedPort(port: ServicePort, endpoints: readonly Endpoint[]): NamedPort[] {
    const name = portNameOf(this.#service, port).toLowerCase()
    if (name === '') return []
    const targets = this.#targetsOf(endpoints.filter((endpoint) => isPublished(this.#service, endpoint)))
    return targets.length === 0 ? [] : [{ name, protocol: port.protocol, targets }]
  }

  /** With the endpoints' own port numbers: nobody translates the Service's. */
  #targetsOf(endpoints: readonly Endpoint[]): PortTarget[] {
    const suffix = this.#records.nameOf(this.#service)
    const targets = new Map<string, PortTarget>()
    for (const endpoint of endpoints) {
      const { port } = endpoint
      const host = hostNameOf(endpoint)
      const ips = this.#ipsOfHosts.get(host) ?? []
      targets.set(`${host}:${port}`, { target: `${host}.${suffix}`, ips, port })
    }
    return [...targets.values()]
  }
}

/** The directory need not have one array for "none". */
function isSame(before: readonly Endpoint[] | undefined, now: readonly Endpoint[]): boolean {
  return before === now || (before?.length === 0 && now.length === 0)
}

function ipsByHost(endpoints: readonly Endpoint[]): ReadonlyMap<string, readonly string[]> {
  const hosts = new Map<string, Set<string>>()
  for (const endpoint of endpoints) {
    const host = hostNameOf(endpoint)
    hosts.set(host, (hosts.get(host) ?? new Set()).add(endpoint.ip))
  }
  return new Map([...hosts].map(([host, ips]) => [host, [...ips]]))
}
