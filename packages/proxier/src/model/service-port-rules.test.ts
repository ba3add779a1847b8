import {
  type Endpoint,
  formatServicePortName,
  type Node,
  type NodeName,
  type Service,
  type ServicePort,
} from '@edgeway/core'
import {
  endpointAt,
  endpointSelectionContract,
  endpointsOf,
  FakeEndpointHealth,
  FakeNodeDirectory,
  FakeServiceDirectory,
  type SelectionChoice,
  type SelectionScene,
  serviceOf,
} from '@edgeway/testbed'
import { beforeEach, describe, expect, it } from 'vitest'
import { FakeListenerDirectory } from '../../test/fake-listener-directory.ts'
import type { Match, Rule } from './rule.ts'
import { type RuleLimits, rulesOf } from './service-port-rules.ts'

const WEB = formatServicePortName('shop', 'web', 'http')
const OWN = 'edge-1' as NodeName
const LISTENER = { ip: '169.254.96.16', port: 15_001 }
const LISTENER_6 = { ip: 'fd00:e::16', port: 15_001 }
const NODE_LISTENER = { ip: '169.254.96.16', port: 53 }
const NODE_LISTENER_6 = { ip: 'fd00:e::16', port: 53 }
const LIMITS: RuleLimits = {
  nodePorts: true,
  maxSlots: { random: 256, 'client-ip': 256, 'source-ip-hash': 256 },
  masqueradeLocal: new Set(),
}
const AT_CLUSTER_IP: Match = { kind: 'address', ip: '10.96.0.1', protocol: 'TCP', port: 80 }
const AT_NODE_PORT: Match = { kind: 'node-port', family: 'IPv4', protocol: 'TCP', port: 30_080 }

/** What became of a ServicePort in all that its rule says. */
function choose({
  service,
  port,
  endpoints,
  health,
  nodes,
  nodeName,
  scope,
  answeredHere,
}: SelectionScene): SelectionChoice {
  const services = new FakeServiceDirectory()
  const listeners = new FakeListenerDirectory()
  const nodeListeners = new FakeListenerDirectory()
  const open = { ...port, externalIps: ['203.0.113.7'] }
  services.set({ ...service, ports: [open] }, endpoints)
  listeners.set(port.name, LISTENER)
  if (answeredHere) nodeListeners.set(port.name, NODE_LISTENER)
  const viewpoint = { nodeName, nodes: new FakeNodeDirectory(nodes) }
  const found = rulesOf(open, { services, listeners, nodeListeners, health, viewpoint }, LIMITS)
  const ips = scope === 'internal' ? port.clusterIps : open.externalIps
  const rule = found.find(({ match }) => match.kind === 'address' && ips.includes(match.ip))
  if (rule?.mode !== 'KERNEL') return { mode: rule?.mode }
  const isChosen = ({ ip, node }: Endpoint): boolean =>
    rule.slots.some((slot) => slot.ip === ip && (slot.path === 'local') === (node === nodeName))
  return { mode: 'KERNEL', endpoints: endpoints.filter(isChosen) }
}

describe('rulesOf', () => {
  it.each(endpointSelectionContract(choose))('$title', async ({ run }) => await run())
})

describe('rulesOf a ServicePort', () => {
  let services: FakeServiceDirectory
  let listeners: FakeListenerDirectory
  let nodeListeners: FakeListenerDirectory
  let health: FakeEndpointHealth
  let nodes: Map<NodeName, Node>

  beforeEach(() => {
    services = new FakeServiceDirectory()
    listeners = new FakeListenerDirectory()
    nodeListeners = new FakeListenerDirectory()
    health = new FakeEndpointHealth()
    nodes = new Map()
    listeners.set(WEB, LISTENER)
  })

  /** The rules of `shop/web:http`, whose Service and ServicePort may differ from the plain ones. */
  function rules(
    endpoints: readonly Endpoint[],
    { service = {}, port = {}, limits = {} }: Partial<Wishes> = {},
  ): readonly Rule[] {
    const plain = serviceOf('shop/web:http', '10.96.0.1', 80)
    const ports = plain.ports.map((one) => ({ ...one, ...port }))
    services.set({ ...plain, ports, ...service }, endpoints)
    const found = services.servicePort(WEB)
    if (found === undefined) throw new Error('no such ServicePort')
    const viewpoint = { nodeName: OWN, nodes: { node: (name: NodeName) => nodes.get(name) } }
    const sources = { services, listeners, nodeListeners, health, viewpoint }
    return rulesOf(found, sources, { ...LIMITS, ...limits })
  }

  function onOneNetwork(...names: readonly string[]): void {
    for (const name of names)
      nodes.set(name as NodeName, {
        name: name as NodeName,
        labels: {},
        addresses: [],
        routedNetwork: 'lan',
      })
  }

  it('lets the kernel carry connections to local endpoints', () => {
    expect(rules(endpointsOf('edge-1/10.1.0.1:8080'))).toEqual([
      {
        mode: 'KERNEL',
        match: AT_CLUSTER_IP,
        balance: { kind: 'random' },
        slots: [{ ip: '10.1.0.1', port: 8080, weight: 1, path: 'local', masquerade: false }],
        loopback: undefined,
      },
    ])
  })

  it('hands connections to endpoints behind the tunnel to the listener', () => {
    expect(rules(endpointsOf('edge-2/10.1.0.1:8080'))).toEqual([
      { mode: 'AGENT', match: AT_CLUSTER_IP, listener: LISTENER },
    ])
  })

  it('leaves a ServicePort alone while nobody listens for it', () => {
    listeners.delete(WEB)

    expect(rules(endpointsOf('edge-2/10.1.0.1:8080'))).toEqual([])
  })

  it('hands to the listener that answers by itself what is called at a ClusterIP, whatever the endpoints are', () => {
    nodeListeners.set(WEB, NODE_LISTENER)
    const toNode = [{ mode: 'NODE', match: AT_CLUSTER_IP, listener: NODE_LISTENER }]

    expect(rules(endpointsOf('edge-1/10.1.0.1:8080'))).toEqual(toNode)
    expect(rules(endpointsOf('edge-2/10.1.0.1:8080'))).toEqual(toNode)
    listeners.delete(WEB)
    expect(rules([])).toEqual(toNode)
  })

  it('goes by the endpoints at external addresses and node ports of what the node answers at the ClusterIP', () => {
    nodeListeners.set(WEB, NODE_LISTENER)
    const port = { externalIps: ['203.0.113.7'], nodePort: 30_080 }

    expect(rules(endpointsOf('edge-2/10.1.0.1:80'), { port }).map(({ mode }) => mode)).toEqual([
      'NODE',
      'AGENT',
      'AGENT',
    ])
  })

  it('goes by the endpoints in a family in which the node does not answer', () => {
    const port = { clusterIps: ['10.96.0.1', 'fd00:96::1'] }
    nodeListeners.set(WEB, NODE_LISTENER)
    expect(rules([], { port }).map(({ mode }) => mode)).toEqual(['NODE', 'REJECT'])

    nodeListeners.set(WEB, NODE_LISTENER_6)
    expect(rules([], { port })).toMatchObject([
      { match: { ip: '10.96.0.1' }, listener: NODE_LISTENER },
      { match: { ip: 'fd00:96::1' }, listener: NODE_LISTENER_6 },
    ])
  })

  it('refuses a ServicePort that nothing can serve, listener or not', () => {
    listeners.delete(WEB)

    expect(rules([])).toEqual([{ mode: 'REJECT', match: AT_CLUSTER_IP }])
  })

  it('hands UDP to the listener that only the tunnel can carry, and leaves it alone while nobody listens', () => {
    const far = endpointsOf('edge-2/10.1.0.1:8080').map((endpoint) => ({
      ...endpoint,
      protocol: 'UDP' as const,
    }))
    const port = { protocol: 'UDP' } as const
    const match = { ...AT_CLUSTER_IP, protocol: 'UDP' }

    expect(rules(far, { port })).toEqual([{ mode: 'AGENT', match, listener: LISTENER }])
    listeners.delete(WEB)
    expect(rules(far, { port })).toEqual([])
  })

  it('gives the node as their source to connections whose replies would not find back', () => {
    onOneNetwork('edge-1', 'edge-2')
    const port = { externalIps: ['203.0.113.7'], nodePort: 30_080 }

    const masqueraded = (endpoint: string): readonly (boolean | undefined)[] =>
      rules(endpointsOf(endpoint), { port }).map((rule) =>
        rule.mode === 'KERNEL' ? rule.slots[0]?.masquerade : undefined,
      )
    // To the ClusterIP, the external IP and the node port.
    expect(masqueraded('edge-1/10.1.0.1:80')).toEqual([false, false, false])
    expect(masqueraded('edge-2/10.1.0.1:80')).toEqual([false, true, true])
    expect(masqueraded('10.1.0.1:80')).toEqual([true, true, true])
  })

  it('gives the node as their source to connections between pods of a bridge that does not track them', () => {
    const limits = { masqueradeLocal: new Set(['IPv4'] as const) }

    expect(rules(endpointsOf('edge-1/10.1.0.1:80'), { limits })).toMatchObject([
      { slots: [{ masquerade: true }] },
    ])
  })

  it('serves node ports in the families of the ClusterIPs, and sends those of loopback to the listener', () => {
    listeners.set(WEB, LISTENER_6)
    const port = { nodePort: 30_080, clusterIps: ['10.96.0.1', 'fd00:96::1'] }

    const found = rules(endpointsOf('edge-1/10.1.0.1:80'), { port })

    expect(found.filter(({ match }) => match.kind === 'node-port')).toMatchObject([
      { mode: 'KERNEL', match: AT_NODE_PORT, loopback: LISTENER },
      { mode: 'AGENT', match: { family: 'IPv6' }, listener: LISTENER_6 },
    ])
  })

  it('leaves node ports alone where somebody else serves them', () => {
    const port = { nodePort: 30_080 }

    expect(rules([], { port, limits: { nodePorts: false } })).toEqual([
      { mode: 'REJECT', match: AT_CLUSTER_IP },
    ])
  })

  it('goes by the external traffic policy for all but ClusterIPs', () => {
    const port = { externalIps: ['203.0.113.7'], nodePort: 30_080 }
    const service = { externalTrafficPolicy: 'Local' } as const

    expect(rules(endpointsOf('edge-2/10.1.0.1:80'), { port, service }).map(({ mode }) => mode)).toEqual([
      'AGENT',
      'REJECT',
      'REJECT',
    ])
  })

  it('serves a ClusterIP without endpoints of its family through the agent', () => {
    listeners.set(WEB, LISTENER_6)
    const port = { clusterIps: ['10.96.0.1', 'fd00:96::1'] }

    expect(rules(endpointsOf('edge-1/10.1.0.1:80'), { port }).map(({ mode }) => mode)).toEqual([
      'KERNEL',
      'AGENT',
    ])
  })

  it('gives each family its own endpoints', () => {
    const port = { clusterIps: ['10.96.0.1', 'fd00:96::1'] }
    const both = [
      ...endpointsOf('edge-1/10.1.0.1:80'),
      endpointAt({ node: OWN, ip: 'fd00:1::1', port: 80, protocol: 'TCP' }),
    ]

    expect(rules(both, { port })).toMatchObject([
      { match: { ip: '10.96.0.1' }, slots: [{ ip: '10.1.0.1' }] },
      { match: { ip: 'fd00:96::1' }, slots: [{ ip: 'fd00:1::1' }] },
    ])
  })

  it('passes the policy on to the kernel, and takes the agent for one that the kernel does not know', () => {
    const local = endpointsOf('edge-1/10.1.0.1:80')
    const balanceOf = (service: Partial<Service>): unknown => {
      const [rule] = rules(local, { service })
      return rule?.mode === 'KERNEL' ? rule.balance : rule?.mode
    }

    expect(balanceOf({ clientIpAffinitySeconds: 30 })).toEqual({ kind: 'client-ip', timeoutSeconds: 30 })
    expect(balanceOf({ annotations: { 'edgeway.io/balancing': 'source-ip-hash' } })).toEqual({
      kind: 'source-ip-hash',
    })
    expect(balanceOf({ annotations: { 'edgeway.io/balancing': 'round-robin' } })).toBe('AGENT')
  })

  it('takes the agent where the kernel can not balance over so many', () => {
    const endpoints = endpointsOf('edge-1/10.1.0.1:80', 'edge-1/10.1.0.2:80')
    const maxSlots = { ...LIMITS.maxSlots, random: 1 }

    expect(rules(endpoints, { limits: { maxSlots } })).toMatchObject([{ mode: 'AGENT' }])
  })

  it('counts an endpoint once that two EndpointSlices list', () => {
    const [rule] = rules(endpointsOf('edge-1/10.1.0.1:80', 'edge-1/10.1.0.1:80'))

    expect(rule?.mode === 'KERNEL' && rule.slots).toHaveLength(1)
  })

  it('leaves headless Services and the API server alone', () => {
    expect(rules([], { port: { clusterIps: [], externalIps: ['203.0.113.7'] } })).toEqual([])
    services.set(serviceOf('default/kubernetes:https', '10.96.0.9', 443))
    const [port] = services.service('default', 'kubernetes')?.ports ?? []
    const viewpoint = { nodeName: OWN, nodes: { node: () => undefined } }
    const sources = { services, listeners, nodeListeners, health, viewpoint }
    expect(port && rulesOf(port, sources, LIMITS)).toEqual([])
  })

  it('has no rule for a ClusterIP that the directory gives to another Service', () => {
    services.set(serviceOf('shop/web:http', '10.96.0.1', 80))
    services.set(serviceOf('shop/later:http', '10.96.0.1', 80))
    const [port] = services.service('shop', 'web')?.ports ?? []
    const viewpoint = { nodeName: OWN, nodes: { node: () => undefined } }

    const sources = { services, listeners, nodeListeners, health, viewpoint }
    expect(port && rulesOf(port, sources, LIMITS)).toEqual([])
  })

  it('leaves shares to the agent that a table of the kernel would be too small for', () => {
    const heavy = Array.from({ length: 10 }, (_, i) => `edge-1/10.1.0.${i + 1}:8080`)
    const light = Array.from({ length: 10 }, (_, i) => `edge-2/10.2.0.${i + 1}:8080`)
    onOneNetwork('edge-1', 'edge-2')
    const weighted = (weights: string) => ({
      service: { annotations: { 'edgeway.io/topology': 'any', 'edgeway.io/weights': weights } },
    })

    expect(rules(endpointsOf(...heavy, ...light), weighted('edge-1=10, edge-2=1'))).toMatchObject([
      { mode: 'KERNEL' },
    ])
    expect(rules(endpointsOf(...heavy, ...light), weighted('edge-1=100, edge-2=1'))).toMatchObject([
      { mode: 'AGENT' },
    ])
  })
})

interface Wishes {
  readonly service: Partial<Service>
  readonly port: Partial<ServicePort>
  readonly limits: Partial<RuleLimits>
}
