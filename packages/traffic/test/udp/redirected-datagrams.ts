// Runs inside the network namespace of a node, whose pod is in another one: starts a UdpForwarder, redirects ClusterIPs to
// its listeners as the proxier does it, calls them as host and as pod, and prints what came of it as JSON.
// The one argument: see `Places`, as JSON.

import { execFile, execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { ServicePort } from '@edgeway/core'
import { serviceOf } from '@edgeway/testbed'
import { DatagramDecoder, REFUSED_MARK } from '../../src/udp/datagram-frames.ts'
import { callUdp } from './call-udp.ts'
import { closedEndpoint, echo, farEndpoint, UdpEndpoint } from './udp-endpoint.ts'
import { UdpLab } from './udp-lab.ts'

export interface Places {
  /** The namespace that this runs in, and the pod's. */
  readonly node: string
  readonly pod: string
  readonly nodeAddress: string
  readonly nodeAddress6: string
  /** All but the last digit of ClusterIPs. */
  readonly clusterIps: string
  readonly clusterIps6: string
}

const places: Places = JSON.parse(process.argv[2] ?? '{}')
const CLIENT = fileURLToPath(new URL('call-udp-main.ts', import.meta.url))
const PORT = 5_300

/** The last digit of its ClusterIPs, and what its endpoints do. */
const SERVICES = {
  echo: 1,
  closed: 2,
  closedFarAway: 3,
  noWay: 4,
} as const

type Name = keyof typeof SERVICES

function service(name: Name) {
  const plain = serviceOf(`shop/${name}:udp`, '', PORT)
  const clusterIps = [`${places.clusterIps}${SERVICES[name]}`, `${places.clusterIps6}${SERVICES[name]}`]
  const port: Partial<ServicePort> = { protocol: 'UDP', clusterIps }
  return { ...plain, ports: plain.ports.map((one) => ({ ...one, ...port })) }
}

const { nodeAddress, nodeAddress6 } = places
await using lab = await UdpLab.start({ addresses: { IPv4: nodeAddress, IPv6: nodeAddress6 } })
await using server = await UdpEndpoint.start(echo)
const [far, unreachable] = [farEndpoint(9_000), farEndpoint(9_001)]
lab.dialer.set(far, ({ stream }) => {
  const decoder = new DatagramDecoder({
    onDatagram: () => void stream.end(REFUSED_MARK),
    onRefused: () => {},
  })
  stream.on('data', (chunk: Buffer) => decoder.push(chunk))
})
lab.services.set(service('echo'), [server.endpoint])
lab.services.set(service('closed'), [await closedEndpoint()])
lab.services.set(service('closedFarAway'), [far])
lab.services.set(service('noWay'), [unreachable])

const names: Name[] = ['echo', 'closed', 'closedFarAway', 'noWay']
const elements: string[] = []
const elements6: string[] = []
for (const name of names) {
  const [ip4, ip6] = service(name).ports.flatMap(({ clusterIps }) => clusterIps)
  elements.push(`${ip4} : ${nodeAddress} . ${(await lab.listener(service(name), 'IPv4')).port}`)
  elements6.push(`${ip6} : ${nodeAddress6} . ${(await lab.listener(service(name), 'IPv6')).port}`)
}
execFileSync('ip', ['netns', 'exec', places.node, 'nft', '-f', '-'], {
  input: `
    table inet test {
      map to4 { type ipv4_addr : ipv4_addr . inet_service; elements = { ${elements} } }
      map to6 { type ipv6_addr : ipv6_addr . inet_service; elements = { ${elements6} } }
      chain to-agent {
        udp dport ${PORT} dnat ip to ip daddr map @to4;
        udp dport ${PORT} dnat ip6 to ip6 daddr map @to6;
      }
      chain pods { type nat hook prerouting priority -105; jump to-agent; }
      chain host { type nat hook output priority -105; jump to-agent; }
    }`,
})

/** By name, first over IPv4, then over IPv6. */
const targets = names.flatMap((name) =>
  service(name).ports.flatMap(({ clusterIps }) => clusterIps.map((ip) => ({ ip, port: PORT }))),
)
const host: string[] = []
for (const target of targets) host.push(await callUdp(target))
const command = ['netns', 'exec', places.pod, process.execPath, CLIENT, JSON.stringify(targets)]
const { stdout } = await promisify(execFile)('ip', command)
const sessions = [
  ...new Set(lab.records.map(({ service: name, outcome }) => `${name} ${outcome}`)),
].toSorted()
const sent = lab.deps.metrics.value('edgeway_traffic_udp_unreachables_total', { result: 'sent' })
process.stdout.write(JSON.stringify({ host, pod: JSON.parse(stdout), sessions, sent }))
