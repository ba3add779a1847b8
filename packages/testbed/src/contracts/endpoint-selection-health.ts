import { SERVICE_TOPOLOGY_ANNOTATION, type Service } from '@edgeway/core'
import { nodeOf } from '../builders.ts'
import {
  ALL,
  ending,
  FAR,
  forZones,
  notReady,
  OWN,
  pod,
  SAME_GROUP,
  SAME_LAN,
  SAME_ZONE,
  type SelectionCase,
} from './endpoint-selection-world.ts'

const SECOND = pod('own', '10.1.1.1')
const THIRD = pod('own', '10.1.1.2')

const RANK_CASES: readonly SelectionCase[] = [
  {
    title: 'leaves out those that fail beside one that is healthy',
    endpoints: [THIRD, OWN, SECOND],
    health: [[SECOND, 'unhealthy']],
    expected: [THIRD, OWN],
  },
  {
    title: 'goes on to the next nearest when all of the nearest fail',
    endpoints: [FAR, SAME_LAN, OWN, SECOND],
    health: [
      [OWN, 'unhealthy'],
      [SECOND, 'unhealthy'],
    ],
    expected: [SAME_LAN],
  },
  {
    title: 'goes as far as it must for one that is healthy',
    endpoints: ALL,
    health: ALL.filter((endpoint) => endpoint !== FAR).map((endpoint) => [endpoint, 'unhealthy']),
    expected: [FAR],
  },
  {
    title: 'uses one that recovers beside one that is healthy',
    endpoints: [OWN, SECOND, THIRD],
    health: [
      [SECOND, 'recovering'],
      [THIRD, 'unhealthy'],
    ],
    expected: [OWN, SECOND],
  },
  {
    title: 'does not go back to the nearest while they only recover and others are healthy',
    endpoints: [FAR, OWN, SECOND],
    health: [
      [OWN, 'recovering'],
      [SECOND, 'unhealthy'],
    ],
    expected: [FAR],
  },
  {
    title: 'goes to those that recover when none is healthy, the nearest of them',
    endpoints: [FAR, SAME_ZONE, SAME_LAN, OWN],
    health: [
      [OWN, 'unhealthy'],
      [SAME_LAN, 'recovering'],
      [SAME_ZONE, 'unhealthy'],
      [FAR, 'recovering'],
    ],
    expected: [SAME_LAN],
  },
  {
    title: 'leaves out those that fail beside one that recovers',
    endpoints: [OWN, SECOND],
    health: [
      [OWN, 'unhealthy'],
      [SECOND, 'recovering'],
    ],
    expected: [SECOND],
  },
  {
    title: 'goes to the nearest when all fail, as if none did',
    endpoints: [FAR, SECOND, OWN],
    health: [
      [FAR, 'unhealthy'],
      [SECOND, 'unhealthy'],
      [OWN, 'unhealthy'],
    ],
    expected: [SECOND, OWN],
  },
  {
    title: 'tells the health of endpoints with equal addresses on two nodes apart',
    endpoints: [pod('far', OWN.ip), OWN],
    health: [[pod('far', OWN.ip), 'unhealthy']],
    expected: [OWN],
  },
]

const PREFERENCE_CASES: readonly SelectionCase[] = [
  {
    title: 'goes on to the next class of the topology annotation when all of one fail',
    service: { annotations: { 'edgeway.io/topology': 'lan, zone, any' } },
    endpoints: [FAR, SAME_ZONE, SAME_LAN, OWN],
    health: [
      [SAME_LAN, 'unhealthy'],
      [OWN, 'unhealthy'],
    ],
    expected: [SAME_ZONE],
  },
  {
    title: 'goes to other zones with PreferSameZone when all of the own zone fail',
    service: { trafficDistribution: 'PreferSameZone' },
    endpoints: [FAR, SAME_LAN, SAME_ZONE],
    health: [[SAME_ZONE, 'unhealthy']],
    expected: [FAR, SAME_LAN],
  },
  {
    title: 'goes to the own zone with PreferSameNode when all of the own node fail',
    service: { trafficDistribution: 'PreferSameNode' },
    endpoints: [FAR, SAME_ZONE, OWN],
    health: [[OWN, 'unhealthy']],
    expected: [SAME_ZONE],
  },
  {
    title: 'goes to the nearest when all fail that hints mean for the own zone',
    endpoints: [forZones(FAR, 'zone-a'), forZones(SAME_LAN, 'zone-b'), forZones(OWN, 'zone-b')],
    health: [[FAR, 'unhealthy']],
    expected: [OWN],
  },
]

const LOCAL: Partial<Service> = { internalTrafficPolicy: 'Local', externalTrafficPolicy: 'Local' }

const LIMIT_CASES: readonly SelectionCase[] = [
  ...(['internal', 'external'] as const).map(
    (scope): SelectionCase => ({
      title: `keeps to the own node by ${scope} policy Local, though all of it fail`,
      service: LOCAL,
      scope,
      endpoints: [FAR, OWN],
      health: [[OWN, 'unhealthy']],
      expected: [OWN],
    }),
  ),
  {
    title: 'leaves out those that fail with policy Local, too',
    service: LOCAL,
    endpoints: [FAR, OWN, SECOND],
    health: [[OWN, 'unhealthy']],
    expected: [SECOND],
  },
  {
    title: 'keeps to the NodeGroup with range-nodegroup, though all of it fail',
    service: { annotations: { [SERVICE_TOPOLOGY_ANNOTATION]: 'range-nodegroup' } },
    endpoints: [FAR, SAME_LAN, SAME_GROUP],
    health: [[SAME_GROUP, 'unhealthy']],
    expected: [SAME_GROUP],
  },
  {
    title: 'keeps within the topology annotation without any, to its first class, though all fail',
    service: { annotations: { 'edgeway.io/topology': 'lan, node' } },
    endpoints: [FAR, OWN, SAME_LAN],
    health: [
      [OWN, 'unhealthy'],
      [SAME_LAN, 'unhealthy'],
    ],
    expected: [OWN, SAME_LAN],
  },
  {
    title: 'prefers a ready one that fails to one that ends or is not ready',
    endpoints: [ending(FAR), notReady(SECOND), OWN],
    health: [[OWN, 'unhealthy']],
    expected: [OWN],
  },
  {
    title: 'leaves out those that fail among those that end',
    endpoints: [ending(FAR), ending(OWN)],
    health: [[OWN, 'unhealthy']],
    expected: [FAR],
  },
]

const NEIGHBOUR = pod('neighbour', '10.1.0.2')
const NETWORK = ['own', 'neighbour'].map((name) => nodeOf(name, { routedNetwork: 'factory' }))
const ANYWHERE = { annotations: { 'edgeway.io/topology': 'any' } }

const HEALTH_MODE_CASES: readonly SelectionCase[] = [
  {
    title: 'forwards by the agent when all near fail and the next are behind the tunnel',
    endpoints: [FAR, OWN],
    health: [[OWN, 'unhealthy']],
    expected: [FAR],
    mode: 'AGENT',
  },
  {
    title: 'leaves it to the kernel when all near fail and the next are on the same routed network',
    nodes: NETWORK,
    endpoints: [NEIGHBOUR, OWN],
    health: [[OWN, 'unhealthy']],
    expected: [NEIGHBOUR],
    mode: 'KERNEL',
  },
  {
    title: 'leaves it to the kernel while the only one behind the tunnel fails',
    service: ANYWHERE,
    endpoints: [FAR, OWN],
    health: [[FAR, 'unhealthy']],
    expected: [OWN],
    mode: 'KERNEL',
  },
  {
    title: 'forwards by the agent again when the one behind the tunnel recovers',
    service: ANYWHERE,
    endpoints: [FAR, OWN],
    health: [[FAR, 'recovering']],
    expected: [FAR, OWN],
    mode: 'AGENT',
  },
  {
    title: 'does not refuse when all fail, and leaves the tries to the agent',
    endpoints: [OWN],
    health: [[OWN, 'unhealthy']],
    expected: [OWN],
    mode: 'AGENT',
  },
]

/** What health changes, and what it doesn't. */
export const HEALTH_CASES: readonly SelectionCase[] = [
  ...RANK_CASES,
  ...PREFERENCE_CASES,
  ...LIMIT_CASES,
  ...HEALTH_MODE_CASES,
]
