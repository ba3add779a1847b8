import { setTimeout as delay } from 'node:timers/promises'
import { formatServicePortName, type NodeName, type Protocol } from '@edgeway/core'
import {
  endpointsOf,
  FakeComponentDeps,
  FakeEndpointHealth,
  FakeNodeDirectory,
  FakeServiceDirectory,
  nodeOf,
  serviceOf,
} from '@edgeway/testbed'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { FakeListenerDirectory } from '../test/fake-listener-directory.ts'
import type { Outcome } from '../test/lab/station-protocol.ts'
import { ADDRESSES } from '../test/lab/topology.ts'
import { EXEMPT_GROUP_ID, NodeLab, type StationName } from '../test/node-lab.ts'
import { observed, PossibleEndpoints } from '../test/possible-endpoints.ts'
import { IptablesBackend } from './backend/iptables/iptables-backend.ts'
import { NftablesBackend } from './backend/nftables/nftables-backend.ts'
import type { RuleBackend } from './backend/rule-backend.ts'
import { StaleFlows } from './conntrack/stale-flows.ts'
import { DEFAULT_PROXIER_OPTIONS, Proxier } from './proxier.ts'

/** One of the fault runs of the benchmarks sets it to 60. */
const SECONDS = Number(process.env['EDGEWAY_CHURN_SECONDS'] ?? 3)
const CHANGES_PER_SECOND = 100
const WEB = formatServicePortName('shop', 'web', 'http')
const WEB_IP = '10.96.0.1'
const PODS: Readonly<Record<string, string>> = {
  pod: ADDRESSES.pod.IPv4,
  'second pod': ADDRESSES.secondPod.IPv4,
  'remote pod': ADDRESSES.remotePod.IPv4,
  'other remote pod': ADDRESSES.otherRemotePod.IPv4,
}
const LIMITS = {
  nodePorts: false,
  maxSlots: { random: 16, 'client-ip': 16, 'source-ip-hash': 16 },
  masqueradeLocal: new Set<never>(),
  maxKernelRules: 10,
}

describe('endpoints that change a hundred times a second', () => {
  let lab: NodeLab
  beforeAll(async () => {
    lab = await NodeLab.create()
  })
  afterAll(async () => {
    await lab[Symbol.asyncDispose]()
  })

  it.each([
    { by: 'nftables', protocol: 'TCP' },
    { by: 'nftables', protocol: 'UDP' },
    { by: 'iptables', protocol: 'TCP' },
  ] as const)(
    'are never called after their removal took effect: $protocol by $by',
    async ({ by, protocol }) => {
      await lab.reset()
      const possible = new PossibleEndpoints()
      const services = new FakeServiceDirectory()
      const change = changer(services, protocol)
      change()
      await using _proxier = await startProxier(services, observed(backendOf(by), possible))
      let changes = 0
      const churn = setInterval(() => {
        change()
        changes++
      }, 1_000 / CHANGES_PER_SECOND)
      const until = performance.now() + SECONDS * 1_000
      try {
        const callers = (['pod', 'secondPod', 'node'] as const).map((from) =>
          callOver(from, { protocol, until, possible }),
        )
        expect((await Promise.all(callers)).flat()).toEqual([])
      } finally {
        clearInterval(churn)
      }
      expect(changes).toBeGreaterThan(SECONDS * 10)
    },
    (SECONDS + 30) * 1_000,
  )

  /** Calls until then. @returns what was wrong with answers */
  async function callOver(
    from: StationName,
    { protocol, until, possible }: { protocol: Protocol; until: number; possible: PossibleEndpoints },
  ): Promise<string[]> {
    const wrong: string[] = []
    while (performance.now() < until) {
      const begunAt = performance.now()
      const [outcome] = await lab.stations[from].call({ ip: WEB_IP, port: 80, protocol })
      const problem = outcome === undefined ? 'no outcome' : problemOf(outcome, begunAt, possible)
      if (problem !== undefined) wrong.push(problem)
      // Not to hold back the changes: they are made by the same process.
      await delay(1)
    }
    return wrong
  }

  function backendOf(by: 'nftables' | 'iptables'): RuleBackend {
    const groupId = EXEMPT_GROUP_ID
    if (by === 'iptables') return new IptablesBackend({ groupId, flavour: 'nft' }, lab.run)
    return new NftablesBackend({ groupId, failMode: 'closed' }, lab.run)
  }

  async function startProxier(services: FakeServiceDirectory, backend: RuleBackend): Promise<Proxier> {
    const deps = new FakeComponentDeps()
    const nodes = ['edge-1', 'edge-2'].map((name) => nodeOf(name, { routedNetwork: 'lan' }))
    const proxier = await Proxier.start(
      { ...DEFAULT_PROXIER_OPTIONS, syncDelayMs: 0, groupId: EXEMPT_GROUP_ID, deviceName: 'edgeway0' },
      {
        ...deps,
        services,
        listeners: new FakeListenerDirectory(),
        nodeListeners: new FakeListenerDirectory(),
        health: new FakeEndpointHealth(),
        nodes: new FakeNodeDirectory(nodes),
        nodeName: 'edge-1' as NodeName,
        backend: { backend, capabilities: { ...LIMITS, failOpen: false }, removeOthers: async () => {} },
        conditions: { refresh: async () => false, limits: () => LIMITS, status: () => ({}) },
        staleFlows: new StaleFlows({ logger: deps.logger, run: lab.run, ownAddresses: () => [] }),
      },
    )
    await vi.waitFor(() => expect(deps.readiness.shut).toEqual([]), { timeout: 10_000 })
    return proxier
  }
})

function problemOf(outcome: Outcome, begunAt: number, possible: PossibleEndpoints): string | undefined {
  if ('error' in outcome) return outcome.error
  const endpoint = `${PODS[outcome.name]}:8080`
  return possible.mayAnswer(endpoint, begunAt) ? undefined : `${outcome.name} answered after its removal`
}

/** Gives the Service other endpoints at each call, one or several of all. */
function changer(services: FakeServiceDirectory, protocol: Protocol): () => void {
  const all = Object.values(PODS).map((ip, index) => `edge-${index < 2 ? 1 : 2}/${ip}:8080`)
  // All count alike: none is nearer than another.
  const annotations = { 'edgeway.io/topology': 'any' }
  const plain = serviceOf('shop/web:http', WEB_IP, 80)
  const ports = plain.ports.map((port) => ({ ...port, protocol }))
  services.set({ ...plain, ports, annotations })
  let step = 0
  return () => {
    step++
    const some = all.filter((_, index) => (step >> index) % 2 === 1)
    const now = endpointsOf(...(some.length > 0 ? some : all))
    services.setEndpoints(
      WEB,
      now.map((endpoint) => ({ ...endpoint, protocol })),
    )
  }
}
