import type { NodeName, Service } from '@edgeway/core'
import {
  ALL,
  CLOUD,
  ended,
  ending,
  FAR,
  NO_NODE,
  notReady,
  OWN,
  pod,
  SAME_GROUP,
  SAME_LAN,
  type SelectionCase,
  UNKNOWN,
} from './endpoint-selection-world.ts'

const SECOND = pod('own', '10.1.1.1')

/** Which endpoints can serve at all. */
export const CONDITION_CASES: readonly SelectionCase[] = [
  {
    title: 'chooses all that are ready, in the order in which they come',
    endpoints: [SECOND, OWN],
    expected: [SECOND, OWN],
  },
  {
    title: 'chooses none that is not ready, and none that ends, beside one that is ready',
    endpoints: [notReady(SECOND), ending(pod('own', '10.1.1.2')), OWN],
    expected: [OWN],
  },
  {
    title: 'prefers a ready one far away to one that ends nearby',
    endpoints: [ending(OWN), FAR],
    expected: [FAR],
  },
  {
    title: 'chooses those that serve while they end when none is ready, the nearest of them',
    endpoints: [notReady(SECOND), ending(OWN), ended(pod('own', '10.1.1.2')), ending(FAR)],
    expected: [OWN],
  },
  {
    title: 'never chooses one that does not serve, even when there is no other',
    endpoints: [notReady(OWN), ended(FAR)],
    expected: [],
  },
  {
    title: 'never chooses one that serves without being ready and does not end',
    endpoints: [{ ...OWN, ready: false }],
    expected: [],
  },
  { title: 'chooses nothing from nothing', endpoints: [], expected: [] },
]

const INTERNAL_LOCAL: Partial<Service> = { internalTrafficPolicy: 'Local' }
const EXTERNAL_LOCAL: Partial<Service> = { externalTrafficPolicy: 'Local' }
const IN_GROUP: Partial<Service> = {
  annotations: { 'apps.kubeedge.io/service-topology': 'range-nodegroup' },
}

const POLICY_CASES: readonly SelectionCase[] = [
  {
    title: 'keeps to the own node with internalTrafficPolicy Local',
    service: INTERNAL_LOCAL,
    endpoints: [FAR, OWN, SECOND],
    expected: [OWN, SECOND],
  },
  {
    title: 'refuses with internalTrafficPolicy Local where the own node has none',
    service: INTERNAL_LOCAL,
    endpoints: [SAME_LAN, FAR, NO_NODE],
    expected: [],
  },
  {
    title: 'does not mind externalTrafficPolicy within the cluster',
    service: EXTERNAL_LOCAL,
    endpoints: [FAR],
    expected: [FAR],
  },
  {
    title: 'keeps to the own node from outside with externalTrafficPolicy Local',
    service: EXTERNAL_LOCAL,
    scope: 'external',
    endpoints: [FAR, OWN],
    expected: [OWN],
  },
  {
    title: 'refuses from outside with externalTrafficPolicy Local where the own node has none',
    service: EXTERNAL_LOCAL,
    scope: 'external',
    endpoints: [FAR],
    expected: [],
  },
  {
    title: 'does not mind internalTrafficPolicy from outside',
    service: INTERNAL_LOCAL,
    scope: 'external',
    endpoints: [FAR],
    expected: [FAR],
  },
  {
    title: 'chooses the own one that ends with policy Local, though others are ready elsewhere',
    service: INTERNAL_LOCAL,
    endpoints: [FAR, ending(OWN)],
    expected: [OWN],
  },
  {
    title: 'lets no topology annotation lift policy Local',
    service: { ...INTERNAL_LOCAL, annotations: { 'edgeway.io/topology': 'any' } },
    endpoints: [FAR, OWN],
    expected: [OWN],
  },
]

const GROUP_CASES: readonly SelectionCase[] = [
  {
    title: 'keeps to the own NodeGroup with range-nodegroup',
    service: IN_GROUP,
    endpoints: [FAR, CLOUD, SAME_LAN, SAME_GROUP],
    expected: [SAME_GROUP],
  },
  {
    title: 'refuses with range-nodegroup where the own NodeGroup has none',
    service: IN_GROUP,
    endpoints: [FAR, CLOUD, SAME_LAN, UNKNOWN],
    expected: [],
  },
  {
    title: 'keeps to nodes without a NodeGroup on a node that is in none',
    service: IN_GROUP,
    nodeName: 'far' as NodeName,
    endpoints: [SAME_GROUP, OWN, CLOUD],
    expected: [CLOUD],
  },
  {
    title: 'refuses a node in no NodeGroup what only NodeGroups have',
    service: IN_GROUP,
    nodeName: 'far' as NodeName,
    endpoints: [SAME_GROUP, OWN],
    expected: [],
  },
  {
    title: 'never chooses an endpoint without a node with range-nodegroup',
    service: IN_GROUP,
    nodeName: 'far' as NodeName,
    endpoints: [NO_NODE],
    expected: [],
  },
  {
    title: 'does not keep to NodeGroups by any other value',
    service: { annotations: { 'apps.kubeedge.io/service-topology': 'range-region' } },
    endpoints: [FAR],
    expected: [FAR],
  },
  {
    title: 'chooses one of the NodeGroup that ends, though others are ready outside',
    service: IN_GROUP,
    endpoints: [FAR, ending(SAME_GROUP)],
    expected: [SAME_GROUP],
  },
  {
    title: 'keeps to the NodeGroup whatever the topology annotation says',
    service: { annotations: { ...IN_GROUP.annotations, 'edgeway.io/topology': 'cloud, any' } },
    endpoints: ALL,
    expected: [SAME_GROUP, OWN],
  },
  {
    title: 'keeps to the own node by Local within the NodeGroup',
    service: { ...IN_GROUP, ...INTERNAL_LOCAL },
    endpoints: [SAME_GROUP, OWN],
    expected: [OWN],
  },
]

/** Limits that nothing lifts. */
export const LIMIT_CASES: readonly SelectionCase[] = [...POLICY_CASES, ...GROUP_CASES]
