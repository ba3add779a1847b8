import {
  type Endpoint,
  formatServicePortName,
  type NodeName,
  type Protocol,
  type Service,
  type ServicePortName,
} from '@edgeway/core'
import {
  endpointAt,
  FakeNodeDirectory,
  FakeServiceDirectory,
  MemoryLogger,
  MemoryMetrics,
  serviceOf,
} from '@edgeway/testbed'
import type { ReflectedObject } from '../../src/reflector/object-set.ts'
import { DEFAULT_VIRTUAL_ADDRESS_OPTIONS, type VirtualAddressOptions } from '../../src/virtual/options.ts'
import { VirtualAddresses } from '../../src/virtual/virtual-addresses.ts'

const NODE = 'edge-1' as NodeName

/** What the offline store has of virtual addresses, in memory. */
export class FakeStore {
  readonly rows = new Map<string, unknown>()
  notes = 0

  take(): readonly ReflectedObject<unknown>[] {
    return [...this.rows].map(([key, value]) => ({ key, value, uid: '', revision: 0, malformed: false }))
  }

  note(_kind: string, { key, value }: { readonly key: string; readonly value: unknown }): void {
    this.notes += 1
    if (value === undefined) this.rows.delete(key)
    else this.rows.set(key, JSON.parse(JSON.stringify(value)))
  }
}

interface HeadlessClusterParts {
  readonly store?: FakeStore
  readonly loaded?: boolean
  readonly directory?: FakeServiceDirectory
  readonly nodes?: FakeNodeDirectory
}

/** Services and Nodes that tests fill, as edge-1 sees them with virtual addresses. */
export class HeadlessCluster implements Disposable {
  readonly directory: FakeServiceDirectory
  readonly nodes: FakeNodeDirectory
  readonly store: FakeStore
  readonly logger = new MemoryLogger()
  readonly metrics = new MemoryMetrics()
  readonly virtual: VirtualAddresses

  constructor({
    store = new FakeStore(),
    loaded = true,
    directory = new FakeServiceDirectory({ loaded }),
    nodes = new FakeNodeDirectory(),
    ...options
  }: Partial<VirtualAddressOptions> & HeadlessClusterParts = {}) {
    this.directory = directory
    this.nodes = nodes
    this.store = store
    this.virtual = new VirtualAddresses(
      { ...DEFAULT_VIRTUAL_ADDRESS_OPTIONS, ...options },
      {
        services: this.directory,
        nodes: this.nodes,
        nodeName: NODE,
        store,
        logger: this.logger,
        metrics: this.metrics,
      },
    )
  }

  /** What a name stands for, as `host ip`. */
  named(name: ServicePortName = PG): string[] {
    return this.virtual.names.endpoints(name).map(({ hostname, ip }) => `${hostname} ${ip}`)
  }

  /** The only address of a host's endpoint. */
  addressOf(hostname: string, name: ServicePortName = PG): string {
    const [found, ...others] = this.virtual.names
      .endpoints(name)
      .filter((endpoint) => endpoint.hostname === hostname)
    if (found === undefined || others.length > 0) throw new Error(`not one endpoint of ${hostname}`)
    return found.ip
  }

  /** Names of all virtual ServicePorts. */
  get virtualPorts(): string[] {
    const names = [...this.virtual.services.servicePorts()].map(({ name }) => name)
    return names.filter((name) => name.includes('@')).toSorted()
  }

  /** What is told of from now on, by either directory. */
  changes(): { readonly services: ServicePortName[]; readonly names: ServicePortName[] } {
    const told = { services: [] as ServicePortName[], names: [] as ServicePortName[] }
    this.virtual.services.watch((name) => void told.services.push(name))
    this.virtual.names.watch((name) => void told.names.push(name))
    return told
  }

  get warnings(): unknown[] {
    return this.logger.lines.filter(({ level }) => level === 'warn').map(({ message }) => message)
  }

  [Symbol.dispose](): void {
    this.virtual[Symbol.dispose]()
  }
}

export const PG = formatServicePortName('shop', 'db', 'pg')

/** The headless Service `shop/db` with the one port `pg`, unless said otherwise. */
export function headlessService(others: Partial<Service> = {}, protocol: Protocol = 'TCP'): Service {
  const service = serviceOf('shop/db:pg', '', 5432)
  const ports = service.ports.map((port) => ({ ...port, protocol, clusterIps: [] }))
  return { ...service, clusterIps: [], headless: true, ports, ...others }
}

/** A ready endpoint from `host@node/ip:port`. */
export function peerAt(text: string, others: Partial<Endpoint> = {}): Endpoint {
  const [, hostname = '', node = '', ip = '', port = ''] = /^(.*)@(.*?)\/(.*):(\d+)$/.exec(text) ?? []
  return {
    ...endpointAt({ node: node as NodeName, ip, port: Number(port), protocol: 'TCP' }),
    hostname: hostname === '' ? undefined : hostname,
    ...others,
  }
}
