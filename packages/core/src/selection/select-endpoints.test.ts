import { describe, expect, it } from 'vitest'
import type { Endpoint } from '../model/endpoint.ts'
import type { Node, NodeName } from '../model/node.ts'
import { type SelectionRequest, selectEndpoints } from './select-endpoints.ts'

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
