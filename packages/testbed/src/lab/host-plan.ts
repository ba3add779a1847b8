import { macOf } from './subnet.ts'

/** How a host is connected: a veth pair from its device to a port of a bridge in another namespace. */
export interface UplinkPlan {
  readonly device: string
  /** With prefix length, e.g. `10.1.0.11/24`. */
  readonly cidr: string
  readonly gateway: string
  readonly mac: string
  readonly bridgeNamespace: string
  readonly bridge: string
  /** The port's device name in the bridge's namespace. */
  readonly port: string
  /** The port's interface index there; never that of the other end, see `creationLines`. */
  readonly portIndex: number
}

/** A bridge of the host's own, that other hosts are connected to. */
export interface BridgePlan {
  readonly device: string
  readonly address: string
  /** With prefix length, e.g. `10.1.0.1/24`. */
  readonly cidr: string
}

export const HOST_KINDS = ['segment', 'router', 'node', 'pod'] as const

/** Everything about one network namespace of a lab, decided before anything is made. */
export interface HostPlan {
  readonly kind: (typeof HOST_KINDS)[number]
  readonly name: string
  /** Of the network namespace. */
  readonly namespace: string
  /** By which its neighbours reach it. */
  readonly address: string
  readonly uplink?: UplinkPlan
  readonly bridge?: BridgePlan
  /** Besides the default route: subnets behind other routers of the segment. */
  readonly routes: readonly { readonly to: string; readonly via: string }[]
  /** Files under /proc/sys and what is written to them. */
  readonly sysctls: Readonly<Record<string, string>>
  /** For `nft -f`; empty for none. */
  readonly ruleset: string
  readonly resolvConf?: string
}

/** The first after the loopback device. */
const UPLINK_INDEX = 2

/**
 * Lines for `ip -batch` outside: makes the namespaces and the veth pairs between them and to older ones.
 *
 * Both ends of a pair with the same index would look like one device to the kernel, which then enables it up to a
 * second later (linkwatch_urgent_event in net/core/link_watch.c). The kernel takes either both indices from here or none.
 */
export function creationLines(hosts: readonly HostPlan[]): string[] {
  const namespaces = hosts.map(({ namespace }) => `netns add ${namespace}`)
  const links = hosts.flatMap(({ namespace, uplink }) =>
    uplink === undefined
      ? []
      : `link add name ${uplink.device} index ${UPLINK_INDEX} address ${uplink.mac} netns ${namespace} type veth ` +
        `peer name ${uplink.port} index ${uplink.portIndex} netns ${uplink.bridgeNamespace}`,
  )
  return [...namespaces, ...links]
}

/** Lines for `ip -n <namespace> -batch`: the host's own devices, addresses and routes, but not its bridge's ports. */
export function configurationLines({ uplink, bridge, routes }: HostPlan): string[] {
  const lines = ['link set lo up']
  if (bridge !== undefined)
    lines.push(
      // A fixed one: otherwise it is that of one of the ports, and neighbours lose it when that port goes.
      `link add ${bridge.device} address ${macOf(bridge.address)} type bridge`,
      `addr add ${bridge.cidr} dev ${bridge.device}`,
      `link set ${bridge.device} up`,
    )
  if (uplink !== undefined)
    lines.push(
      `addr add ${uplink.cidr} dev ${uplink.device}`,
      `link set ${uplink.device} up`,
      `route add default via ${uplink.gateway}`,
    )
  return [...lines, ...routes.map(({ to, via }) => `route add ${to} via ${via}`)]
}

/** Lines for `ip -n <bridge's namespace> -batch`: the far end of a host's uplink becomes a port of the bridge. */
export function portLines({ port, bridge }: UplinkPlan): string[] {
  return [`link set ${port} master ${bridge} up`]
}
