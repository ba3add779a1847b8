import { type Endpoint, formatServicePortName, type HealthState, type NodeName } from '@edgeway/core'
import {
  endpointsOf,
  FakeComponentDeps,
  FakeEndpointHealth,
  FakeNodeDirectory,
  FakeServiceDirectory,
  nodeOf,
  serviceOf,
} from '@edgeway/testbed'
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { FakeListenerDirectory } from '../test/fake-listener-directory.ts'
import { ADDRESSES, LISTENER_PORTS } from '../test/lab/topology.ts'
import { EXEMPT_GROUP_ID, NodeLab } from '../test/node-lab.ts'
import { NftablesBackend } from './backend/nftables/nftables-backend.ts'
import { StaleFlows } from './conntrack/stale-flows.ts'
import type { DesiredRulesLimits } from './model/desired-rules.ts'
import { DEFAULT_PROXIER_OPTIONS, Proxier } from './proxier.ts'

const WEB = formatServicePortName('shop', 'web', 'http')
const WEB_IP = '10.96.0.1'
const LISTENER = { ip: ADDRESSES.agent.IPv4, port: LISTENER_PORTS.agent }
const NEAR = endpointsOf(`edge-1/${ADDRESSES.pod.IPv4}:8080`)
const FAR = endpointsOf('edge-2/10.1.0.1:8080')
const LIMITS: DesiredRulesLimits = {
  nodePorts: true,
  maxSlots: { random: 16, 'client-ip': 16, 'source-ip-hash': 16 },
  masqueradeLocal: new Set(),
  maxKernelRules: 100,
}

/** The whole package, against the real kernel. */
describe('Proxier on a node', () => {
  let lab: NodeLab
  let deps: FakeComponentDeps
  let services: FakeServiceDirectory
  let listeners: FakeListenerDirectory
  let nodeListeners: FakeListenerDirectory
  let health: FakeEndpointHealth
  let nodes: FakeNodeDirectory

  beforeAll(async () => {
    lab = await NodeLab.create()
  })
  afterAll(async () => {
    await lab[Symbol.asyncDispose]()
  })

  beforeEach(async () => {
    await lab.reset()
    deps = new FakeComponentDeps()
    services = new FakeServiceDirectory()
    listeners = new FakeListenerDirectory()
    nodeListeners = new FakeListenerDirectory()
    health = new FakeEndpointHealth()
    nodes = new FakeNodeDirectory()
    services.set(serviceOf('shop/web:http', WEB_IP, 80), FAR)
    services.set(serviceOf('shop/empty', '10.96.0.2', 80))
    listeners.set(WEB, LISTENER)
  })

  function make(resyncIntervalMs = DEFAULT_PROXIER_OPTIONS.resyncIntervalMs): Promise<Proxier> {
    const backend = new NftablesBackend({ groupId: EXEMPT_GROUP_ID, failMode: 'closed' }, lab.run)
    return Proxier.start(
      { ...DEFAULT_PROXIER_OPTIONS, resyncIntervalMs, groupId: EXEMPT_GROUP_ID, deviceName: 'edgeway0' },
      {
        ...deps,
        services,
        listeners,
        nodeListeners,
        health,
        nodes,
        nodeName: 'edge-1' as NodeName,
        backend: { backend, capabilities: { ...LIMITS, failOpen: false }, removeOthers: async () => {} },
        conditions: { refresh: async () => false, limits: () => LIMITS, status: () => ({}) },
        staleFlows: new StaleFlows({ logger: deps.logger, run: lab.run, ownAddresses: () => [] }),
      },
    )
  }

  async function start(resyncIntervalMs?: number): Promise<Proxier> {
    const proxier = await make(resyncIntervalMs)
    await vi.waitFor(() => expect(deps.readiness.shut).toEqual([]), { timeout: 10_000 })
    return proxier
  }

  async function gets(from: 'pod' | 'secondPod' | 'node', ip = WEB_IP): Promise<string | undefined> {
    return Object.keys(await lab.ask(from, { ip, port: 80, protocol: 'TCP' }))[0]
  }

  /** Waits until a call from a pod is answered so. */
  async function untilPodGets(answer: string, ip?: string): Promise<void> {
    await vi.waitFor(async () => expect(await gets('secondPod', ip)).toBe(answer), { timeout: 10_000 })
  }

  it('hands to the listener what is far, sends to the pod what is near, refuses what has no endpoint', async () => {
    await using _proxier = await start()

    for (const from of ['secondPod', 'node'] as const) {
      expect(await gets(from)).toBe('agent')
      expect(await gets(from, '10.96.0.2')).toBe('ECONNREFUSED')
    }
    services.setEndpoints(WEB, NEAR)
    await untilPodGets('pod')
    expect(await gets('node')).toBe('pod')
  })

  it('follows changes', async () => {
    await using _proxier = await start()

    services.setEndpoints(WEB, [])
    await untilPodGets('ECONNREFUSED')
    services.setEndpoints(WEB, FAR)
    await untilPodGets('agent')
    listeners.delete(WEB)
    await untilPodGets('world')
  })

  it('leaves out pods that fail, goes to the agent when all near ones do, and comes back to those that recovered', async () => {
    const [pod, second] = endpointsOf(
      `edge-1/${ADDRESSES.pod.IPv4}:8080`,
      `edge-1/${ADDRESSES.secondPod.IPv4}:8080`,
    ) as [Endpoint, Endpoint]
    services.setEndpoints(WEB, [pod, second, ...FAR])
    await using _proxier = await start()
    const become = async (states: readonly [HealthState, HealthState], answers: readonly string[]) => {
      for (const [index, endpoint] of [pod, second].entries())
        health.set(WEB, endpoint, states[index] ?? 'healthy')
      // Of two, one of 30 calls would be missed once in 10^9 times.
      const ask = () => lab.ask('node', { ip: WEB_IP, port: 80, protocol: 'TCP' }, 30)
      await vi.waitFor(async () => expect(Object.keys(await ask()).toSorted()).toEqual(answers), {
        timeout: 10_000,
      })
    }

    await become(['healthy', 'healthy'], ['pod', 'second pod'])
    await become(['unhealthy', 'healthy'], ['second pod'])
    await become(['unhealthy', 'unhealthy'], ['agent'])
    await become(['recovering', 'unhealthy'], ['agent'])
    await become(['healthy', 'unhealthy'], ['pod'])
    await become(['healthy', 'recovering'], ['pod', 'second pod'])
  })

  it('sends more connections to nodes that the annotation gives more weight', async () => {
    for (const name of ['edge-1', 'edge-2']) nodes.set(nodeOf(name, { routedNetwork: 'lan' }))
    const annotations = { 'edgeway.io/topology': 'any', 'edgeway.io/weights': 'edge-2=3' }
    const both = [...NEAR, ...endpointsOf(`edge-2/${ADDRESSES.remotePod.IPv4}:8080`)]
    services.set({ ...serviceOf('shop/web:http', WEB_IP, 80), annotations }, both)
    await using _proxier = await start()

    const seen = await lab.ask('node', { ip: WEB_IP, port: 80, protocol: 'TCP' }, 200)

    // 150 expected with a deviation of 6; with equal weights 100, of 7.
    const { pod = 0, 'remote pod': heavy = 0 } = seen
    expect(pod + heavy).toBe(200)
    expect(heavy).toBeGreaterThan(115)
    expect(heavy).toBeLessThan(185)
  })

  it('leaves no rule behind', async () => {
    await using proxier = await start()
    await proxier[Symbol.asyncDispose]()

    expect(await gets('secondPod')).toBe('world')
    expect(await lab.shell('nft list ruleset')).toBe('')
  })

  it('repairs what a stranger flushed, and counts it', async () => {
    await using _proxier = await start(100)

    await lab.shell('nft flush ruleset')

    await untilPodGets('agent')
    expect(deps.metrics.value('edgeway_proxier_drifts_total')).toBe(1)
  })

  it('keeps the rules of a crashed process until it knows the Services, then replaces them', async () => {
    const former = new NftablesBackend({ groupId: EXEMPT_GROUP_ID, failMode: 'closed' }, lab.run)
    const match = { kind: 'address', ip: '10.96.0.7', protocol: 'TCP', port: 80 } as const
    await former.apply([{ mode: 'AGENT', match, listener: LISTENER }])
    services = new FakeServiceDirectory({ loaded: false })
    await using _proxier = await make()
    expect(await gets('secondPod', '10.96.0.7')).toBe('agent')

    services.set(serviceOf('shop/web:http', WEB_IP, 80), FAR)
    services.load()

    await untilPodGets('agent')
    await untilPodGets('world', '10.96.0.7')
  })

  it('lets a connection through that was begun before its Service was known', async () => {
    // What nobody intercepts is lost, as it mostly is.
    await lab.shell('ip route add 10.96.0.3 dev edgeway0')
    await using _proxier = await start()
    const call = gets('secondPod', '10.96.0.3')
    await vi.waitFor(async () => {
      expect(await lab.shell('conntrack -L -p tcp --state SYN_SENT 2>/dev/null')).toContain('10.96.0.3')
    })

    services.set(serviceOf('shop/late', '10.96.0.3', 80), NEAR)

    expect(await call).toBe('pod')
    await lab.shell('ip route delete 10.96.0.3')
  })
})
