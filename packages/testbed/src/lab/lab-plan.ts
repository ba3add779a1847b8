import { LabError } from './errors.ts'
import type { HostPlan, UplinkPlan } from './host-plan.ts'
import type { NatKind } from './nat-kinds.ts'
import { checkApart, checkRoutedSites } from './overlaps.ts'
import { LAN_BRIDGE, nodeRuleset, POD_BRIDGE, routerRuleset, WAN_DEVICE } from './rulesets.ts'
import { formatSubnet, hasHost, hostAt, macOf, parseSubnet, type Subnet, subnetOf } from './subnet.ts'
import {
  DEFAULT_PUBLIC_SUBNET,
  type NodeSpec,
  POD_NAMESERVER,
  type PodSpec,
  type SiteSpec,
  type Topology,
} from './topology.ts'

/** A place for hosts: a bridge and the subnet on it. */
interface Segment {
  readonly namespace: string
  readonly bridge: string
  readonly subnet: Subnet
}

const SEGMENT_BRIDGE = 'segment'
/** A label of RFC 1123; with the lab's id before it still a file name. */
const HOST_NAME = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/
/** Positions in a subnet from which addresses are given out, and of the nameserver nodes are told of. */
const FIRST_NODE = 11
const FIRST_ROUTER = 101
const FIRST_POD = 2
const NAMESERVER = 53
/** Far above the indices that the kernel gives to the few devices of a host. */
const FIRST_PORT_INDEX = 1_000
/** Longest interface name: IFNAMSIZ of 16 with its closing zero. */
const MAX_DEVICE_NAME = 15

/** Turns a topology into hosts, and later pods; gives out names and addresses that are free. */
export class LabPlan {
  readonly hosts: HostPlan[] = []
  readonly #id: string
  readonly #public: Segment
  /** `to` a routed site, `via` its router. */
  readonly #routes: HostPlan['routes']
  readonly #podSubnets = new Map<string, Subnet>()
  /** By site, of those planned already. */
  readonly #lans = new Map<string, Segment>()
  #ports = 0

  /** @throws {LabError} when names or addresses clash or do not fit */
  constructor(id: string, topology: Topology) {
    this.#id = id
    const subnet = parseSubnet(topology.publicSubnet ?? DEFAULT_PUBLIC_SUBNET)
    this.#public = { namespace: this.namespaceOf('segment'), bridge: SEGMENT_BRIDGE, subnet }
    const { cloud = [], sites = [], nameserver = hostAt(subnet, NAMESERVER) } = topology
    checkRoutedSites(sites)
    this.#routes = sites
      .map((site, index) => ({ to: site.subnet, via: this.#routerAddress(index), nat: site.nat }))
      .filter(({ nat }) => nat === 'none')
    this.#planSegment()
    for (const node of cloud) this.#planNode(node, this.#public, nameserver)
    for (const [index, site] of sites.entries()) {
      const lan = this.#planRouter(site, index)
      this.#lans.set(site.name, lan)
      for (const node of site.nodes) this.#planNode(node, lan, site.nameserver ?? nameserver)
    }
  }

  /** The network namespace of a host of that name. */
  namespaceOf(host: string): string {
    return `ew${this.#id}-${host}`
  }

  /** @throws {LabError} when the node is unknown, or name or address are taken or do not fit */
  addPod(nodeName: string, spec: PodSpec): HostPlan {
    const node = this.hosts.find(({ kind, name }) => kind === 'node' && name === nodeName)
    const subnet = this.#podSubnets.get(nodeName)
    if (node === undefined || subnet === undefined) throw new LabError(`no node "${nodeName}" in the lab`)
    const segment: Segment = { namespace: node.namespace, bridge: POD_BRIDGE, subnet }
    const { namespace = 'default', nameserver = POD_NAMESERVER } = spec
    const uplink = this.#uplink(spec, segment, FIRST_POD)
    return this.#add({
      kind: 'pod',
      name: spec.name,
      uplink,
      routes: [],
      sysctls: {},
      ruleset: '',
      resolvConf:
        `nameserver ${nameserver}\n` +
        `search ${namespace}.svc.cluster.local svc.cluster.local cluster.local\noptions ndots:5\n`,
    })
  }

  remove(host: HostPlan): void {
    this.hosts.splice(this.hosts.indexOf(host), 1)
  }

  /**
   * Replaces a host's plan by one with another address of the same subnet.
   *
   * @throws {LabError} when the address is taken or not of the subnet
   */
  changeAddress(host: HostPlan, address: string): HostPlan {
    const { name, uplink } = host
    if (uplink === undefined) throw new LabError(`${name} has no link`)
    const subnet = subnetOf(uplink.cidr)
    this.#checkFree({ name, address }, { namespace: uplink.bridgeNamespace, subnet })
    const changed = { ...host, address, uplink: { ...uplink, cidr: `${address}/${subnet.prefix}` } }
    this.hosts.splice(this.hosts.indexOf(host), 1, changed)
    return changed
  }

  /**
   * Replaces a router's plan by one with another NAT.
   *
   * @throws {LabError} when it routes now or is to: others have or lack a route to its site
   */
  changeNat(router: HostPlan, nat: NatKind): HostPlan {
    const { name, address, bridge } = router
    if (bridge === undefined || router.ruleset === '' || nat === 'none')
      throw new LabError(`${name}: plain routing can't be switched on or off`)
    const subnet = formatSubnet(subnetOf(bridge.cidr))
    const changed = { ...router, ruleset: routerRuleset(nat, { address, subnet }) }
    this.hosts.splice(this.hosts.indexOf(router), 1, changed)
    return changed
  }

  #planSegment(): void {
    const { subnet, bridge: device } = this.#public
    const bridge = { device, address: hostAt(subnet, 1), cidr: `${hostAt(subnet, 1)}/${subnet.prefix}` }
    // Not forwarding, it swallows what is for nowhere, as the internet mostly does.
    this.#add({ kind: 'segment', name: 'segment', bridge, routes: [], sysctls: forwarding('0'), ruleset: '' })
  }

  #routerAddress(site: number): string {
    return hostAt(this.#public.subnet, FIRST_ROUTER + site)
  }

  #planRouter(site: SiteSpec, index: number): Segment {
    const name = routerName(site.name)
    const outside = this.#outsideOf(site)
    const isPublic = outside === this.#public
    const subnet = parseSubnet(site.subnet)
    checkApart(name, subnet, [this.#public.subnet, outside.subnet])
    const address = hostAt(subnet, 1)
    const bridge = { device: LAN_BRIDGE, address, cidr: `${address}/${subnet.prefix}` }
    const spec = isPublic ? { name, address: this.#routerAddress(index) } : { name }
    const uplink = { ...this.#uplink(spec, outside, FIRST_ROUTER), device: WAN_DEVICE }
    // No connection is picked up in the middle: see routerRuleset. A router without NAT does not track any.
    const strict = site.nat === 'none' ? {} : { 'net/netfilter/nf_conntrack_tcp_loose': '0' }
    const sysctls = { ...forwarding('1'), ...strict }
    const routes = isPublic ? this.#routes.filter(({ via }) => via !== spec.address) : []
    const ruleset = routerRuleset(site.nat, { address: addressOf(uplink), subnet: site.subnet })
    this.#add({ kind: 'router', name, uplink, bridge, routes, sysctls, ruleset })
    return { namespace: this.namespaceOf(name), bridge: LAN_BRIDGE, subnet }
  }

  /** @throws {LabError} when the site is behind one that is not planned yet, or routed */
  #outsideOf({ name, nat, behind }: SiteSpec): Segment {
    if (behind === undefined) return this.#public
    if (nat === 'none') throw new LabError(`site "${name}" is routed, so it can't be behind another one`)
    const lan = this.#lans.get(behind)
    if (lan === undefined)
      throw new LabError(`site "${name}" is behind "${behind}", which does not come before it`)
    return lan
  }

  #planNode(spec: NodeSpec, segment: Segment, nameserver: string): void {
    const subnet = parseSubnet(spec.podSubnet ?? `10.244.${this.#podSubnets.size}.0/24`)
    checkApart(spec.name, subnet, [segment.subnet, this.#public.subnet])
    const gateway = hostAt(subnet, 1)
    this.#add({
      kind: 'node',
      name: spec.name,
      uplink: this.#uplink(spec, segment, FIRST_NODE),
      bridge: { device: POD_BRIDGE, address: gateway, cidr: `${gateway}/${subnet.prefix}` },
      routes: segment === this.#public ? this.#routes : [],
      sysctls: forwarding('1'),
      ruleset: nodeRuleset(formatSubnet(subnet)),
      resolvConf: `nameserver ${nameserver}\n`,
    })
    this.#podSubnets.set(spec.name, subnet)
    for (const pod of spec.pods ?? []) this.addPod(spec.name, pod)
  }

  #add(host: Omit<HostPlan, 'namespace' | 'address'>): HostPlan {
    const { name } = host
    if (!HOST_NAME.test(name)) throw new LabError(`not a host name: "${name}"`)
    if (this.hosts.some((other) => other.name === name)) throw new LabError(`two hosts named "${name}"`)
    const address = host.uplink === undefined ? (host.bridge?.address ?? '') : addressOf(host.uplink)
    const plan = { ...host, namespace: this.namespaceOf(name), address }
    this.hosts.push(plan)
    return plan
  }

  #uplink(spec: { name: string; address?: string }, segment: Segment, first: number): UplinkPlan {
    const { namespace: bridgeNamespace, bridge, subnet } = segment
    const gateway = hostAt(subnet, 1)
    const address = spec.address ?? firstFree(subnet, first, this.#takenIn(segment))
    this.#checkFree({ name: spec.name, address }, segment)
    this.#ports += 1
    const port = `p${this.#ports}-${spec.name}`.slice(0, MAX_DEVICE_NAME)
    const cidr = `${address}/${subnet.prefix}`
    const portIndex = FIRST_PORT_INDEX + this.#ports
    return { device: 'eth0', cidr, gateway, mac: macOf(address), bridgeNamespace, bridge, port, portIndex }
  }

  #takenIn({ namespace, subnet }: Omit<Segment, 'bridge'>): ReadonlySet<string> {
    const neighbours = this.hosts.filter(({ uplink }) => uplink?.bridgeNamespace === namespace)
    return new Set([hostAt(subnet, 1), ...neighbours.map(({ address }) => address)])
  }

  /** @throws {LabError} when a host can't have that address there */
  #checkFree(
    { name, address }: { readonly name: string; readonly address: string },
    segment: Omit<Segment, 'bridge'>,
  ): void {
    const { subnet } = segment
    if (!hasHost(subnet, address) || this.#takenIn(segment).has(address))
      throw new LabError(`${name} can't have address ${address}: taken or not in ${formatSubnet(subnet)}`)
  }
}

export function routerName(site: string): string {
  return `${site}-router`
}

function addressOf({ cidr }: UplinkPlan): string {
  return cidr.split('/')[0] ?? ''
}

function firstFree(subnet: Subnet, first: number, taken: ReadonlySet<string>): string {
  for (let position = first; ; position++) {
    const address = hostAt(subnet, position)
    if (!taken.has(address)) return address
  }
}

function forwarding(value: '0' | '1'): Record<string, string> {
  return { 'net/ipv4/ip_forward': value }
}
