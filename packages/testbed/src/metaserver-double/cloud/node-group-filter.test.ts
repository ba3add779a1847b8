import { expect, it } from 'vitest'
import type { ApiObject } from '../../api-double/api-object.ts'
import { type NodeGroups, withinNodeGroup } from './node-group-filter.ts'

const NODES: Readonly<Record<string, string>> = { here: 'east', near: 'east', far: 'west' }

function groups(topology: string): NodeGroups {
  const annotations = { 'apps.kubeedge.io/service-topology': topology }
  return {
    nodeName: 'here',
    service: (_, name) =>
      name === 'web' ? { apiVersion: 'v1', kind: 'Service', metadata: { name, annotations } } : undefined,
    node: (name) => {
      const labels = { 'apps.kubeedge.io/belonging-to': NODES[name] ?? '' }
      return name in NODES ? { apiVersion: 'v1', kind: 'Node', metadata: { name, labels } } : undefined
    },
  }
}

const ENDPOINTS = ['here', 'near', 'far', 'unknown', undefined].map((nodeName) => ({ nodeName }))

const SLICE: ApiObject = {
  apiVersion: 'discovery.k8s.io/v1',
  kind: 'EndpointSlice',
  metadata: { name: 'web-1', labels: { 'kubernetes.io/service-name': 'web' } },
  endpoints: ENDPOINTS,
}

const V1: ApiObject = {
  apiVersion: 'v1',
  kind: 'Endpoints',
  metadata: { name: 'web' },
  subsets: [{ addresses: ENDPOINTS, ports: [] }],
}

it('keeps the endpoints of the own node and its group, where the Service asks for it', () => {
  const near = [{ nodeName: 'here' }, { nodeName: 'near' }]
  expect(withinNodeGroup(SLICE, groups('range-nodegroup'))['endpoints']).toEqual(near)
  expect(withinNodeGroup(V1, groups('range-nodegroup'))['subsets']).toEqual([{ addresses: near, ports: [] }])
})

it('leaves all others alone', () => {
  expect(withinNodeGroup(SLICE, groups('other'))).toBe(SLICE)
  const stray = { ...SLICE, metadata: { name: 'stray' } }
  expect(withinNodeGroup(stray, groups('range-nodegroup'))).toBe(stray)
})
