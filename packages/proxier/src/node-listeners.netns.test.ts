import {
  type Endpoint,
  formatServicePortName,
  IP_FAMILIES,
  type NodeName,
  PROTOCOLS,
  type Protocol,
  type Service,
} from '@edgeway/core'
import {
  endpointAt,
  FakeComponentDeps,
  FakeEndpointHealth,
  FakeNodeDirectory,
  FakeServiceDirectory,
  serviceOf,
} from '@edgeway/testbed'
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { BOTH } from '../test/contract/ask.ts'
import { KINDS, service } from '../test/contract/rules.ts'
import { FakeListenerDirectory } from '../test/fake-listener-directory.ts'
import { ADDRESSES, clusterIp, ENDPOINT_PORT, LISTENER_PORTS, PORT } from '../test/lab/topology.ts'
import { EXEMPT_GROUP_ID, NodeLab, type Tally } from '../test/node-lab.ts'
import { IptablesBackend } from './backend/iptables/iptables-backend.ts'
import { NftablesBackend } from './backend/nftables/nftables-backend.ts'
import { StaleFlows } from './conntrack/stale-flows.ts'
import { DEFAULT_PROXIER_OPTIONS, Proxier } from './proxier.ts'

const OWN = 'edge-1' as NodeName
const LIMITS = {
  nodePorts: false,
  maxSlots: { random: 16, 'client-ip': 16, 'source-ip-hash': 16 },
  masqueradeLocal: new Set<never>(),
  maxKernelRules: 100,
}
/** Of the UDP clients that never change their port; below those of the stations. */
const SOURCE_PORTS = { IPv4: 5_353, IPv6: 5_354 } as const

/** The name that the lab gives to the port of the Service; its ServicePorts differ by protocol. */
const nameFor = (protocol: Protocol) => formatServicePortName('kube-system', 'kube-dns', protocol)

/** In both families, UDP and TCP, at the ClusterIPs of that number. */
function kubeDns(number: number): Service {
  const plain = serviceOf('kube-system/kube-dns:any', clusterIp(number, 'IPv4'), PORT)
  const clusterIps = IP_FAMILIES.map((family) => clusterIp(number, family))
  const ports = PROTOCOLS.flatMap((protocol) =>
    plain.ports.map((port) => ({ ...port, name: nameFor(protocol), protocol, clusterIps })),
  )
  return { ...plain, clusterIps, ports }
}

describe.each(['nftables', 'iptables'] as const)('a Service that the node answers, by %s', (by) => {
  let lab: NodeLab
  let services: FakeServiceDirectory
  let listeners: FakeListenerDirectory
  let nodeListeners: FakeListenerDirectory

  beforeAll(async () => {
    lab = await NodeLab.create()
  })
  afterAll(async () => {
    await lab[Symbol.asyncDispose]()
  })

  beforeEach(async () => {
    await lab.reset()
    services = new FakeServiceDirectory()
    listeners = new FakeListenerDirectory()
    nodeListeners = new FakeListenerDirectory()
    services.set(kubeDns(1))
    listen(listeners, 'agent')
  })

  function listen(directory: FakeListenerDirectory, name: keyof typeof LISTENER_PORTS): void {
    for (const protocol of PROTOCOLS)
      for (const family of IP_FAMILIES)
        directory.set(nameFor(protocol), { ip: ADDRESSES.agent[family], port: LISTENER_PORTS[name] })
  }

  function serveOn(node: NodeName, pod: 'secondPod' | 'remotePod'): void {
    for (const protocol of PROTOCOLS) {
      const endpoints = IP_FAMILIES.map(
        (family): Endpoint => endpointAt({ node, ip: ADDRESSES[pod][family], port: ENDPOINT_PORT, protocol }),
      )
      services.setEndpoints(nameFor(protocol), endpoints)
    }
  }

  async function start(): Promise<Proxier> {
    const deps = new FakeComponentDeps()
    const groupId = EXEMPT_GROUP_ID
    const backend =
      by === 'iptables'
        ? new IptablesBackend({ groupId, flavour: 'nft' }, lab.run)
        : new NftablesBackend({ groupId, failMode: 'closed' }, lab.run)
    const proxier = await Proxier.start(
      { ...DEFAULT_PROXIER_OPTIONS, groupId, deviceName: 'edgeway0' },
      {
        ...deps,
        services,
        listeners,
        nodeListeners,
        health: new FakeEndpointHealth(),
        nodes: new FakeNodeDirectory(),
        nodeName: OWN,
        backend: { backend, capabilities: { ...LIMITS, failOpen: false }, removeOthers: async () => {} },
        conditions: { refresh: async () => false, limits: () => LIMITS, status: () => ({}) },
        staleFlows: new StaleFlows({ logger: deps.logger, run: lab.run, ownAddresses: () => [] }),
      },
    )
    await vi.waitFor(() => expect(deps.readiness.shut).toEqual([]), { timeout: 10_000 })
    return proxier
  }

  /** Who answers pods and host processes at the ClusterIPs, UDP and TCP, both families. */
  async function answering(number = 1): Promise<readonly string[]> {
    return tellApart(BOTH.flatMap((from) => KINDS.map((kind) => lab.ask(from, service(number, kind)))))
  }

  /** As `answering`, over UDP to clients whose source port is always the same: the kernel knows their flows. */
  async function answeringKnown(number = 1): Promise<readonly string[]> {
    const known = KINDS.filter(({ protocol }) => protocol === 'UDP').map((kind) => ({
      ...service(number, kind),
      sourcePort: SOURCE_PORTS[kind.family],
    }))
    return tellApart(BOTH.flatMap((from) => known.map((target) => lab.ask(from, target))))
  }

  /**
   * Known flows are tried once the others are right: none ever goes to a ClusterIP that itself answers, as here before there
   * is a rule. An answer on its way while the kernel is made to forget such a flow would begin it anew, backwards.
   */
  async function untilAnsweredBy(name: string, number?: number): Promise<void> {
    await vi.waitFor(async () => expect(await answering(number)).toEqual([name]), { timeout: 20_000 })
    await vi.waitFor(async () => expect(await answeringKnown(number)).toEqual([name]), { timeout: 20_000 })
  }

  it('goes to its listener, wherever the endpoints are and whether there are any', async () => {
    listen(nodeListeners, 'second listener')
    await using _proxier = await start()

    await untilAnsweredBy('second listener')
    serveOn(OWN, 'secondPod')
    services.set(kubeDns(2))
    await untilAnsweredBy('second listener', 2)
    serveOn('edge-2' as NodeName, 'remotePod')
    services.set(kubeDns(3))
    await untilAnsweredBy('second listener', 3)
  })

  it('is taken over from pods and from the agent, and given back, flows of UDP included', async () => {
    serveOn(OWN, 'secondPod')
    await using _proxier = await start()
    await untilAnsweredBy('second pod')

    listen(nodeListeners, 'second listener')
    await untilAnsweredBy('second listener')
    serveOn('edge-2' as NodeName, 'remotePod')
    for (const protocol of PROTOCOLS) nodeListeners.delete(nameFor(protocol))
    await untilAnsweredBy('agent')
    listen(nodeListeners, 'second listener')
    await untilAnsweredBy('second listener')
    serveOn(OWN, 'secondPod')
    for (const protocol of PROTOCOLS) nodeListeners.delete(nameFor(protocol))
    await untilAnsweredBy('second pod')
  })

  it('is followed to another ClusterIP, and left alone when it is deleted', async () => {
    listen(nodeListeners, 'second listener')
    await using _proxier = await start()

    services.set(kubeDns(2))
    await untilAnsweredBy('second listener', 2)
    await untilAnsweredBy('world', 1)
    services.delete('kube-system', 'kube-dns')
    await untilAnsweredBy('world', 2)
  })

  it('is not answered for the agent itself, which asks the cluster', async () => {
    listen(nodeListeners, 'second listener')
    await using _proxier = await start()

    for (const kind of KINDS) expect(await lab.ask('agent', service(1, kind))).toEqual({ world: 1 })
  })
})

async function tellApart(calls: readonly Promise<Tally>[]): Promise<readonly string[]> {
  return [...new Set((await Promise.all(calls)).flatMap((tally) => Object.keys(tally)))].toSorted()
}
