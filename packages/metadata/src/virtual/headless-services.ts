import {
  clusterServicePortName,
  type Endpoint,
  isIntercepted,
  type NodeDirectory,
  type NodeName,
  type Protocol,
  reachOf,
  type Service,
  type ServiceDirectory,
  type ServicePortName,
} from '@edgeway/core'
import { AddressIndex } from '../directory/address-index.ts'
import { ChangeNotices } from '../directory/change-notices.ts'
import type { AddressBook } from './address-book.ts'
import { addressKeyOf } from './address-key.ts'
import {
  type HeadlessSource,
  type HeadlessView,
  headlessView,
  NO_VIEW,
  type VirtualPort,
} from './headless-view.ts'
import { type Sight, sightsOf } from './sight.ts'

export interface HeadlessServicesDeps {
  readonly services: Pick<ServiceDirectory, 'servicePorts' | 'service' | 'serviceOf' | 'endpoints' | 'watch'>
  readonly nodes: Pick<NodeDirectory, 'node' | 'nodes' | 'watchNodes'>
  readonly nodeName: NodeName
  readonly book: AddressBook
}

const NO_KEYS: ReadonlySet<string> = new Set()

interface Changes {
  readonly names: Set<ServicePortName>
  readonly ports: Set<ServicePortName>
}

/** All headless Services as they are seen on this node, kept up to date by what directory and Nodes tell. */
export class HeadlessServices implements Disposable {
  /** What names stand for: tells of every ServicePort of the directory, too. */
  readonly nameChanges = new ChangeNotices<ServicePortName>()
  /** Virtual ServicePorts: tells of every one of the directory, too. */
  readonly portChanges = new ChangeNotices<ServicePortName>()
  readonly #deps: HeadlessServicesDeps
  readonly #watches: readonly Disposable[]
  /** By `namespace/name`. */
  readonly #views = new Map<string, HeadlessView>()
  readonly #names = new Map<ServicePortName, readonly Endpoint[]>()
  readonly #ports = new Map<ServicePortName, VirtualPort>()
  readonly #addresses = new AddressIndex()
  /** Of all Nodes that are known. */
  #networks: ReadonlyMap<NodeName, string | undefined>

  constructor(deps: HeadlessServicesDeps) {
    this.#deps = deps
    this.#networks = new Map([...deps.nodes.nodes()].map((node) => [node.name, node.routedNetwork]))
    this.#refresh([...deps.services.servicePorts()].map(({ name }) => serviceKeyIn(name)))
    this.#watches = [
      deps.services.watch((name) => this.#follow(name)),
      deps.nodes.watchNodes((name) => this.#followNode(name)),
    ]
  }

  /** `undefined` where they stand for what the directory has. */
  namedEndpoints(name: ServicePortName): readonly Endpoint[] | undefined {
    return this.#names.get(name)
  }

  ports(): Iterable<VirtualPort> {
    return this.#ports.values()
  }

  port(name: ServicePortName): VirtualPort | undefined {
    return this.#ports.get(name)
  }

  lookup(ip: string, port: number, protocol: Protocol): VirtualPort | undefined {
    const found = this.#addresses.get(ip, port, protocol)
    return found === undefined ? undefined : this.#ports.get(found.name)
  }

  /** To be called when addresses may have been freed. */
  refreshTouched(): void {
    const { names, ports } = this.#refresh(this.#deps.book.takeTouched())
    this.portChanges.tell(ports)
    this.nameChanges.tell(names)
  }

  [Symbol.dispose](): void {
    for (const watch of this.#watches) watch[Symbol.dispose]()
  }

  #follow(name: ServicePortName): void {
    const key = serviceKeyIn(name)
    const { names, ports } = this.#refresh(this.#isConcerned(key, name) ? [key] : [])
    this.portChanges.tell([name, ...ports])
    this.nameChanges.tell([name, ...names])
  }

  /** Each ServicePort of a Service is told of by itself, while the first one brings what is new of all. */
  #isConcerned(key: string, name: ServicePortName): boolean {
    const { services } = this.#deps
    const source = this.#views.get(key)?.source
    if (source === undefined) return services.serviceOf(name)?.headless === true
    if (services.service(...namesIn(key)) !== source.service) return true
    return [...source.endpoints].some(([port, endpoints]) => services.endpoints(port) !== endpoints)
  }

  /** Of many Nodes that change at the same time, the first one brings what is new of all. */
  #followNode(changed: NodeName): void {
    const { nodes, nodeName } = this.#deps
    const now = nodes.node(changed)
    if (
      now?.routedNetwork === this.#networks.get(changed) &&
      (now !== undefined) === this.#networks.has(changed)
    )
      return
    const before = this.#networks
    this.#networks = new Map([...nodes.nodes()].map((node) => [node.name, node.routedNetwork]))
    const moved = new Set(
      [...before.keys(), ...this.#networks.keys()].filter(
        (name) =>
          before.get(name) !== this.#networks.get(name) || before.has(name) !== this.#networks.has(name),
      ),
    )
    const isConcerned = ({ nodes: own }: HeadlessView): boolean =>
      moved.has(nodeName) || !moved.isDisjointFrom(own)
    const keys = [...this.#views].filter(([, view]) => isConcerned(view)).map(([key]) => key)
    const { names, ports } = this.#refresh(keys)
    this.portChanges.tell(ports)
    this.nameChanges.tell(names)
  }

  /** @param keys - `namespace/name` */
  #refresh(keys: Iterable<string>): Changes {
    const changes: Changes = { names: new Set(), ports: new Set() }
    // Grows as it goes: whose address was taken, comes once more.
    const waiting = new Set(keys)
    for (const key of waiting) {
      this.#replace(key, changes)
      for (const other of this.#deps.book.takeTouched()) {
        waiting.delete(other)
        waiting.add(other)
      }
    }
    return changes
  }

  #replace(key: string, changes: Changes): void {
    const before = this.#views.get(key) ?? NO_VIEW
    const after = this.#viewOf(key, before)
    if (after === undefined) this.#views.delete(key)
    else this.#views.set(key, after)
    const { names, ports } = after ?? NO_VIEW
    for (const name of new Set([...before.names.keys(), ...names.keys()]))
      if (this.#putNames(name, names.get(name))) changes.names.add(name)
    for (const name of new Set([...before.ports.keys(), ...ports.keys()]))
      if (this.#putPort(name, ports.get(name))) changes.ports.add(name)
  }

  /** @returns `undefined` for what is no headless Service of the mesh */
  #viewOf(key: string, before: HeadlessView): HeadlessView | undefined {
    const { book } = this.#deps
    const source = this.#sourceOf(key, before)
    if (source === undefined) {
      book.use(key, new Set())
      return undefined
    }
    const far = keysOf(source, ({ reach }) => reach !== 'reachable')
    book.use(key, far)
    // A Service's first view may be older than the list of Nodes: nobody shall keep 10,000 addresses for that.
    const needless = keysOf(source, ({ reach }) => reach === 'reachable').difference(far)
    const unsure = before.source === undefined ? NO_KEYS : keysOf(before.source, isUnsure)
    for (const one of unsure.intersection(needless)) book.forget(one)
    return headlessView(source, before)
  }

  #sourceOf(key: string, before: HeadlessView): HeadlessSource | undefined {
    const { services, nodeName, nodes, book } = this.#deps
    const service = services.service(...namesIn(key))
    if (service === undefined || !isOfTheMesh(service)) return undefined
    const outlook = {
      keyOf: (endpoint: Endpoint) => addressKeyOf(key, endpoint),
      reachOf: ({ node }: Endpoint) => reachFrom(nodeName, node, nodes),
    }
    const endpoints = new Map(service.ports.map(({ name }) => [name, services.endpoints(name)]))
    const seen = [...endpoints].map(
      ([name, some]) => [name, sightsOf(some, outlook, before.source?.sights.get(name) ?? [])] as const,
    )
    return { service, endpoints, sights: new Map(seen), addressOf: (one) => book.addressOf(one) }
  }

  /** @returns false when they were so already */
  #putNames(name: ServicePortName, now: readonly Endpoint[] | undefined): boolean {
    if (this.#names.get(name) === now) return false
    if (now === undefined) this.#names.delete(name)
    else this.#names.set(name, now)
    return true
  }

  /** @returns false when it is called as it was already */
  #putPort(name: ServicePortName, now: VirtualPort | undefined): boolean {
    const before = this.#ports.get(name)
    if (before === now) return false
    if (before !== undefined && before.port !== now?.port) this.#addresses.remove(before.port)
    if (now !== undefined && before?.port !== now.port) this.#addresses.add(now.port)
    if (now === undefined) this.#ports.delete(name)
    else this.#ports.set(name, now)
    return (
      before?.port !== now?.port || before?.service !== now?.service || before?.endpoints !== now?.endpoints
    )
  }
}

/** What the mesh leaves alone keeps its addresses, too. */
function isOfTheMesh(service: Service): boolean {
  return service.headless && service.ports.every((port) => isIntercepted({ port, service }))
}

function serviceKeyIn(name: ServicePortName): string {
  return clusterServicePortName(name).split(':', 1)[0] ?? ''
}

function reachFrom(
  nodeName: NodeName,
  node: NodeName | undefined,
  nodes: Pick<NodeDirectory, 'node'>,
): Sight['reach'] {
  if (node === undefined || reachOf(node, { nodeName, nodes }) !== 'tunnel') return 'reachable'
  return [nodeName, node].some((one) => nodes.node(one) === undefined) ? 'not known' : 'far'
}

function isUnsure({ reach }: Sight): boolean {
  return reach === 'not known'
}

function keysOf({ sights }: HeadlessSource, isMeant: (sight: Sight) => boolean): ReadonlySet<string> {
  const meant = [...sights.values()].flatMap((some) => some.filter(isMeant))
  return new Set(meant.map(({ key }) => key))
}

function namesIn(key: string): [namespace: string, name: string] {
  const [namespace = '', name = ''] = key.split('/')
  return [namespace, name]
}
