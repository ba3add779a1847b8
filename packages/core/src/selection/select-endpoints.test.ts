import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Endpoint } from '../model/endpoint.ts'
import type { Node, NodeName } from '../model/node.ts'
import type { HealthState } from '../ports/endpoint-health.ts'
import { endpointRanks, type SelectionRequest, selectEndpoints } from './select-endpoints.ts'

const OWN = 'own' as NodeName
const NEAR = 'near' as NodeName
const FAR = 'far' as NodeName

function endpointOn(node: NodeName, conditions: Partial<Endpoint> = {}): Endpoint {
  return {
    node,
    ip: '10.1.0.1',
    port: 80,
    protocol: 'TCP',
    ready: true,
    serving: true,
    terminating: false,
    zone: undefined,
    forZones: [],
    hostname: undefined,
    pod: undefined,
    ...conditions,
  }
}

function nodeWith(name: NodeName, labels: Record<string, string>): Node {
  return { name, labels, addresses: [], routedNetwork: undefined }
}

function select(
  annotations: SelectionRequest['service']['annotations'],
  endpoints: readonly Endpoint[],
  nodes: readonly Node[],
): readonly (NodeName | undefined)[] {
  const byName = new Map(nodes.map((node) => [node.name, node]))
  const viewpoint = { nodeName: OWN, nodes: { node: (name: NodeName) => byName.get(name) } }
  const service = {
    internalTrafficPolicy: 'Cluster',
    externalTrafficPolicy: 'Cluster',
    trafficDistribution: undefined,
    annotations,
  } as const
  return selectEndpoints({ service, endpoints, scope: 'internal' }, viewpoint).map(({ node }) => node)
}

describe('selectEndpoints within the topology annotation', () => {
  const ending = { ready: false, terminating: true }
  const lan = { 'edgeway.io/lan': 'hall' }
  const nodes = [nodeWith(OWN, lan), nodeWith(NEAR, lan), nodeWith(FAR, {})]

  it('chooses one that ends where it allows no other, though others are ready elsewhere', () => {
    const endpoints = [endpointOn(FAR), endpointOn(NEAR, ending)]
    expect(select({ 'edgeway.io/topology': 'node, lan' }, endpoints, nodes)).toEqual([NEAR])
  })

  it('prefers a ready one to one that ends nearer', () => {
    const endpoints = [endpointOn(OWN, ending), endpointOn(NEAR)]
    expect(select({ 'edgeway.io/topology': 'node, lan' }, endpoints, nodes)).toEqual([NEAR])
  })

  it('prefers a ready one elsewhere where it ends with any', () => {
    const endpoints = [endpointOn(FAR), endpointOn(OWN, ending)]
    expect(select({ 'edgeway.io/topology': 'node, any' }, endpoints, nodes)).toEqual([FAR])
  })
})

describe('selectEndpoints with range-nodegroup while Nodes are not known', () => {
  const annotations = { 'apps.kubeedge.io/service-topology': 'range-nodegroup' }
  const group = { 'apps.kubeedge.io/belonging-to': 'north' }

  it('keeps to its own node while its own Node is not known', () => {
    const endpoints = [endpointOn(OWN), endpointOn(FAR)]
    expect(select(annotations, endpoints, [])).toEqual([OWN])
    expect(select(annotations, endpoints, [nodeWith(FAR, group)])).toEqual([OWN])
  })

  it('leaves out endpoints of a Node that is not known, also on a node that is in no NodeGroup', () => {
    expect(select(annotations, [endpointOn(FAR)], [nodeWith(OWN, {})])).toEqual([])
  })
})

const LABELS = {
  'node-role.kubernetes.io/edge': '',
  'edgeway.io/lan': 'hall',
  'apps.kubeedge.io/belonging-to': 'north',
  'topology.kubernetes.io/zone': 'zone-a',
  'topology.kubernetes.io/region': 'region-a',
}
const KEYS = Object.keys(LABELS)
const NAMES = ['own', 'n1', 'n2', 'n3', 'n4', 'n5'] as NodeName[]

/** The own node has all labels, the others any of them. */
const anyNodes: fc.Arbitrary<readonly Node[]> = fc
  .array(fc.subarray(KEYS), { minLength: 5, maxLength: 5 })
  .map((kept) =>
    NAMES.map((name, index) => {
      const keys = index === 0 ? KEYS : (kept[index - 1] ?? [])
      return nodeWith(name, Object.fromEntries(Object.entries(LABELS).filter(([key]) => keys.includes(key))))
    }),
  )

const anyEndpoints: fc.Arbitrary<readonly Endpoint[]> = fc
  .array(
    fc.record({
      node: fc.constantFrom(...NAMES, 'unheard-of' as NodeName),
      ready: fc.boolean(),
      terminating: fc.boolean(),
      forZones: fc.constantFrom([], ['zone-a'], ['zone-b']),
    }),
    { maxLength: 12 },
  )
  .map((all) => all.map(({ node, ...rest }, index) => endpointOn(node, { ...rest, ip: `10.1.0.${index}` })))

const anyScene = fc.record({
  nodes: anyNodes,
  endpoints: anyEndpoints,
  scope: fc.constantFrom('internal' as const, 'external' as const),
  service: fc.record({
    internalTrafficPolicy: fc.constantFrom('Cluster' as const, 'Local' as const),
    externalTrafficPolicy: fc.constantFrom('Cluster' as const, 'Local' as const),
    trafficDistribution: fc.constantFrom(undefined, 'PreferSameZone', 'PreferSameNode'),
    annotations: fc.constantFrom<Record<string, string>>(
      {},
      { 'edgeway.io/topology': 'lan, cloud' },
      { 'edgeway.io/topology': 'zone, node, any' },
      { 'apps.kubeedge.io/service-topology': 'range-nodegroup' },
    ),
  }),
})

const anyHealth = fc.func(fc.constantFrom<HealthState>('healthy', 'recovering', 'unhealthy'))

function viewpointOf(nodes: readonly Node[]) {
  return { nodeName: OWN, nodes: { node: (name: NodeName) => nodes.find((node) => node.name === name) } }
}

describe('endpointRanks', () => {
  it('has no endpoint twice, no empty rank, and each rank in the order of the endpoints', () => {
    fc.assert(
      fc.property(anyScene, ({ nodes, ...request }) => {
        const ranks = [...endpointRanks(request, viewpointOf(nodes))]
        expect(new Set(ranks.flat()).size).toBe(ranks.flat().length)
        for (const rank of ranks) {
          expect(rank).not.toEqual([])
          expect(rank).toEqual(request.endpoints.filter((endpoint) => rank.includes(endpoint)))
        }
      }),
      { numRuns: 500 },
    )
  })

  it('begins with those that are selected while all are healthy', () => {
    fc.assert(
      fc.property(anyScene, ({ nodes, ...request }) => {
        const [first = []] = endpointRanks(request, viewpointOf(nodes))
        expect(selectEndpoints(request, viewpointOf(nodes))).toEqual(first)
        expect(selectEndpoints({ ...request, healthOf: () => 'healthy' }, viewpointOf(nodes))).toEqual(first)
      }),
      { numRuns: 500 },
    )
  })

  it('has in its ranks all that are ready where nothing limits them', () => {
    fc.assert(
      fc.property(anyNodes, anyEndpoints, (nodes, endpoints) => {
        const ready = endpoints.filter((endpoint) => endpoint.ready)
        const service = { ...ANY_SERVICE, annotations: { 'edgeway.io/topology': 'lan, any' } }
        for (const one of [ANY_SERVICE, service]) {
          const ranks = endpointRanks({ service: one, endpoints, scope: 'internal' }, viewpointOf(nodes))
          if (ready.length > 0) expect(new Set([...ranks].flat())).toEqual(new Set(ready))
        }
      }),
      { numRuns: 500 },
    )
  })

  it('goes from the nearest to the farthest without any wish', () => {
    const labelled = Object.entries(LABELS).map(([key, value], index) =>
      nodeWith(`n${index}` as NodeName, { 'node-role.kubernetes.io/edge': '', [key]: value }),
    )
    const nodes = [nodeWith(OWN, LABELS), ...labelled, nodeWith('cloud' as NodeName, {})]
    const endpoints = nodes.map(({ name }) => endpointOn(name)).toReversed()

    const ranks = endpointRanks({ service: ANY_SERVICE, endpoints, scope: 'internal' }, viewpointOf(nodes))

    const names = [...ranks].map((rank) => rank.map(({ node }) => node).join())
    expect(names).toEqual(['own', 'n1', 'n2', 'n3', 'n4', 'cloud', 'n0'])
  })

  it('looks no farther than it is asked', () => {
    const asked: NodeName[] = []
    const nodes = { node: (name: NodeName) => void asked.push(name) }
    const endpoints = [endpointOn(FAR), endpointOn(OWN)]
    const ranks = endpointRanks(
      { service: ANY_SERVICE, endpoints, scope: 'internal' },
      { nodeName: OWN, nodes },
    )

    expect(ranks.next().value).toEqual([endpoints[1]])
    expect(asked).not.toContain(FAR)
  })
})

const ANY_SERVICE = {
  internalTrafficPolicy: 'Cluster',
  externalTrafficPolicy: 'Cluster',
  trafficDistribution: undefined,
  annotations: {},
} as const

describe('selectEndpoints by health', () => {
  it('selects within one rank, none that fails beside one that does not, and something if anything can serve', () => {
    fc.assert(
      fc.property(anyScene, anyHealth, ({ nodes, ...request }, health) => {
        const healthOf = ({ ip }: Endpoint): HealthState => health(ip)
        const selected = selectEndpoints({ ...request, healthOf }, viewpointOf(nodes))
        const ranks = [...endpointRanks(request, viewpointOf(nodes))]
        const states = new Set(selected.map(healthOf))
        expect(selected.length > 0).toBe(ranks.length > 0)
        expect(ranks.filter((rank) => rank.some((one) => selected.includes(one))).length).toBeLessThan(2)
        expect(states.size === 1 || !states.has('unhealthy')).toBe(true)
      }),
      { numRuns: 500 },
    )
  })

  it('selects a healthy one if there is any, of the first rank that has one, with all that recover there', () => {
    fc.assert(
      fc.property(anyScene, anyHealth, ({ nodes, ...request }, health) => {
        const healthOf = ({ ip }: Endpoint): HealthState => health(ip)
        const ranks = [...endpointRanks(request, viewpointOf(nodes))]
        const best = ranks.find((rank) => rank.some((one) => healthOf(one) === 'healthy'))
        if (best === undefined) return
        const expected = best.filter((one) => healthOf(one) !== 'unhealthy')
        expect(selectEndpoints({ ...request, healthOf }, viewpointOf(nodes))).toEqual(expected)
      }),
      { numRuns: 500 },
    )
  })
})
