import { IP_FAMILIES, type IpFamily } from '@edgeway/core'

/** An address of each family. */
export type Addresses = Readonly<Record<IpFamily, string>>

export const PORT = 80
export const ENDPOINT_PORT = 8_080

export const ADDRESSES = {
  pod: { IPv4: '10.244.1.2', IPv6: 'fd00:244:1::2' },
  secondPod: { IPv4: '10.244.1.3', IPv6: 'fd00:244:1::3' },
  remotePod: { IPv4: '10.244.2.2', IPv6: 'fd00:244:2::2' },
  otherRemotePod: { IPv4: '10.244.2.3', IPv6: 'fd00:244:2::3' },
  /** Of the node at its bridge, and at the uplink. */
  bridge: { IPv4: '10.244.1.1', IPv6: 'fd00:244:1::1' },
  node: { IPv4: '192.168.1.2', IPv6: 'fd00:1::2' },
  outside: { IPv4: '192.168.1.100', IPv6: 'fd00:1::100' },
  /** Nobody has it; the outside client sends to the node what is for it. */
  external: { IPv4: '198.51.100.7', IPv6: 'fd00:198::7' },
  loopback: { IPv4: '127.0.0.1', IPv6: '::1' },
  /** Of `edgeway0`. */
  agent: { IPv4: '169.254.96.16', IPv6: 'fd00:e::16' },
} as const satisfies Readonly<Record<string, Addresses>>

/** Ports of the agent's listeners, and what they call themselves. */
export const LISTENER_PORTS = { agent: 15_001, 'second listener': 15_002, loopback: 15_003 } as const

/** A ClusterIP, told by a number from 1 to 9. */
export function clusterIp(number: number, family: IpFamily): string {
  return family === 'IPv4' ? `10.96.0.${number}` : `fd00:96::${number}`
}

/** Further addresses of the pod, which it uses only when asked to. */
export const MORE_CLIENTS: Readonly<Record<IpFamily, readonly string[]>> = {
  IPv4: hosts().map((host) => `10.244.1.${host}`),
  IPv6: hosts().map((host) => `fd00:244:1::${host}`),
}

export const CLUSTER_IPS = IP_FAMILIES.flatMap((family) =>
  Array.from({ length: 9 }, (_, i) => clusterIp(i + 1, family)),
)

const SERVICE_RANGES = ['10.96.0.0/12', 'fd00:96::/64']

const NODE = `
ip link add cni0 type bridge
ip address add 10.244.1.1/24 dev cni0
ip address add fd00:244:1::1/64 dev cni0 nodad
ip link set cni0 up
ip link set pod master cni0 up
ip link set pod2 master cni0 up
ip link set pod type bridge_slave hairpin on
ip link set pod2 type bridge_slave hairpin on
ip address add 192.168.1.2/24 dev uplink
ip address add fd00:1::2/64 dev uplink nodad
ip link set uplink up
ip route add default via 192.168.1.1
ip -6 route add default via fd00:1::1
ip route add 10.244.2.0/24 via 192.168.1.3
ip -6 route add fd00:244:2::/64 via fd00:1::3
ip link add edgeway0 type bridge
ip address add 169.254.96.16/32 dev edgeway0
ip address add fd00:e::16/128 dev edgeway0 nodad
ip link set edgeway0 up
sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
sysctl -qw net.bridge.bridge-nf-call-iptables=1 net.bridge.bridge-nf-call-ip6tables=1
`

const WORLD = `
ip link add lan type bridge
ip address add 192.168.1.1/24 dev lan
ip address add fd00:1::1/64 dev lan nodad
ip link set lan up
ip link set node master lan up
ip link set remote master lan up
ip link set outside master lan up
ip route add 10.244.1.0/24 via 192.168.1.2
ip -6 route add fd00:244:1::/64 via fd00:1::2
${SERVICE_RANGES.map((range) => `ip route add local ${range} dev lo`).join('\n')}
sysctl -qw net.ipv4.ip_nonlocal_bind=1 net.ipv6.ip_nonlocal_bind=1
`

const REMOTE_NODE = `
ip address add 192.168.1.3/24 dev uplink
ip address add fd00:1::3/64 dev uplink nodad
ip link set uplink up
ip address add 10.244.2.1/24 dev pod
ip address add fd00:244:2::1/64 dev pod nodad
ip link set pod up
ip route add 10.244.1.0/24 via 192.168.1.2
ip -6 route add fd00:244:1::/64 via fd00:1::2
sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
`

const OUTSIDE = `
ip address add 192.168.1.100/24 dev eth0
ip address add fd00:1::100/64 dev eth0 nodad
ip link set eth0 up
ip route add 198.51.100.0/24 via 192.168.1.2
ip -6 route add fd00:198::/64 via fd00:1::2
`

/** Which namespace holds which ends of which links; both ends must be there before SETUPS run. */
export const LINKS = [
  ['node', 'pod', 'pod', 'eth0'],
  ['node', 'pod2', 'pod2', 'eth0'],
  ['world', 'node', 'node', 'uplink'],
  ['world', 'remote', 'remote', 'uplink'],
  ['world', 'outside', 'outside', 'eth0'],
  ['remote', 'pod', 'rpod', 'eth0'],
] as const

/**
 * What is to be run in each namespace before it has links: else the kernel answers only some of the datagrams that it
 * refuses, and looks for neighbours only when the link's own address has been checked for a second.
 */
export const EVERYWHERE = `
sysctl -qw net.ipv4.icmp_ratelimit=0 net.ipv6.icmp.ratelimit=0
sysctl -qw net.ipv6.conf.all.accept_dad=0 net.ipv6.conf.default.accept_dad=0
`

/** What is to be run in each namespace when its links are there. */
export const SETUPS = {
  node: NODE,
  pod: podSetup(1, [2, ...hosts()]),
  pod2: podSetup(1, [3]),
  world: WORLD,
  remote: REMOTE_NODE,
  rpod: podSetup(2, [2, 3]),
  outside: OUTSIDE,
} as const

export type NamespaceName = keyof typeof SETUPS

function podSetup(node: number, hosts: readonly number[]): string {
  const addresses = hosts.map(
    (host) => `
address add 10.244.${node}.${host}/24 dev eth0
address add fd00:244:${node}::${host}/64 dev eth0 nodad${host < 100 ? '' : ' preferred_lft 0'}`,
  )
  return `ip -batch - <<'END'${addresses.join('')}
END
ip link set eth0 up
ip route add default via 10.244.${node}.1
ip -6 route add default via fd00:244:${node}::1
`
}

function hosts(): number[] {
  return Array.from({ length: 32 }, (_, i) => 100 + i)
}
