import type { NodeName, Service } from '@edgeway/core'
import { nodeOf } from '../builders.ts'
import {
  ALL,
  CLOUD,
  FAR,
  forZones,
  NO_NODE,
  OWN,
  pod,
  SAME_GROUP,
  SAME_LAN,
  SAME_REGION,
  SAME_ZONE,
  type SelectionCase,
  UNKNOWN,
  ZONE,
} from './endpoint-selection-world.ts'

const NOBODY = 'nobody' as NodeName

const DEFAULT_CASES: readonly SelectionCase[] = ALL.map((nearest, index) => ({
  title: `goes to ${nearest.node} when nothing is nearer, without any wish`,
  endpoints: ALL.slice(0, index + 1),
  expected: [nearest],
})).concat([
  {
    title: 'chooses from anywhere when nothing is near: other nodes, unknown ones and none',
    endpoints: [FAR, UNKNOWN, NO_NODE],
    expected: [FAR, UNKNOWN, NO_NODE],
  },
  {
    title: 'takes what two nodes do not say for nothing that they share',
    endpoints: [FAR, pod('other', '10.1.0.9')],
    expected: [FAR, pod('other', '10.1.0.9')],
  },
  {
    title: 'tells endpoints with equal addresses on two nodes apart',
    endpoints: [pod('far', OWN.ip), OWN],
    expected: [OWN],
  },
])

const UNKNOWN_NODE_CASES: readonly SelectionCase[] = [
  {
    title: 'goes to the own node by its name even when its Node is not known',
    nodes: [],
    endpoints: [FAR, OWN],
    expected: [OWN],
  },
  {
    title: 'shares nothing with other nodes while the own Node is not known',
    nodeName: NOBODY,
    endpoints: [SAME_LAN, SAME_ZONE, FAR],
    expected: [SAME_LAN, SAME_ZONE, FAR],
  },
  {
    title: 'goes by the zone that an endpoint names when its Node is not known',
    endpoints: [FAR, { ...UNKNOWN, zone: 'zone-a' }],
    expected: [UNKNOWN],
  },
]

function by(topology: string): Partial<Service> {
  return { annotations: { 'edgeway.io/topology': topology } }
}

/** The classes of the annotation, with what is of each among `ALL` and one without a node. */
const OF_CLASS = {
  node: [OWN],
  lan: [SAME_LAN, OWN],
  nodegroup: [SAME_GROUP, OWN],
  zone: [SAME_ZONE, OWN],
  region: [SAME_REGION, OWN],
  cloud: [CLOUD],
  any: [NO_NODE, ...ALL],
}

const ANNOTATION_CASES: readonly SelectionCase[] = Object.entries(OF_CLASS)
  .map(
    ([word, expected]): SelectionCase => ({
      title: `goes to all of class ${word} by the topology annotation`,
      service: by(word),
      endpoints: [NO_NODE, ...ALL],
      expected,
    }),
  )
  .concat([
    {
      title: 'goes by the order of the topology annotation, not by what is nearest',
      service: by('cloud,node'),
      endpoints: ALL,
      expected: [CLOUD],
    },
    {
      title: 'goes on to the next class of the topology annotation where one has none',
      service: by('node,lan,cloud,any'),
      endpoints: [FAR, CLOUD, SAME_ZONE],
      expected: [CLOUD],
    },
    {
      title: 'refuses where no class of the topology annotation has any',
      service: by('node,lan'),
      endpoints: [FAR, CLOUD, NO_NODE],
      expected: [],
    },
    {
      title: 'goes anywhere where the topology annotation ends with any',
      service: by('node,lan,any'),
      endpoints: [FAR, CLOUD],
      expected: [FAR, CLOUD],
    },
    {
      title: 'ignores spaces, empty words and words that it does not know in the topology annotation',
      service: by(' planet ,  zone,, node '),
      endpoints: ALL,
      expected: [SAME_ZONE, OWN],
    },
    {
      title: 'goes to the nearest where the topology annotation has no word that it knows',
      service: by('planet, Node'),
      endpoints: [FAR, SAME_LAN],
      expected: [SAME_LAN],
    },
    {
      title: 'counts no node as of the cloud that it does not know',
      service: by('cloud'),
      endpoints: [UNKNOWN, NO_NODE, FAR],
      expected: [],
    },
    {
      title: 'prefers the topology annotation to hints and trafficDistribution',
      service: { ...by('cloud'), trafficDistribution: 'PreferSameNode' },
      endpoints: [forZones(OWN, 'zone-a'), forZones(CLOUD, 'zone-b')],
      expected: [CLOUD],
    },
  ])

const DISTRIBUTION_CASES: readonly SelectionCase[] = [
  ...['PreferClose', 'PreferSameZone'].map((trafficDistribution) => ({
    title: `goes to all of the own zone with ${trafficDistribution}`,
    service: { trafficDistribution },
    endpoints: [SAME_LAN, SAME_ZONE, OWN],
    expected: [SAME_ZONE, OWN],
  })),
  ...['PreferClose', 'PreferSameZone', 'PreferSameNode'].map((trafficDistribution) => ({
    title: `goes anywhere with ${trafficDistribution} where the own zone has none`,
    service: { trafficDistribution },
    endpoints: [SAME_LAN, FAR, NO_NODE],
    expected: [SAME_LAN, FAR, NO_NODE],
  })),
  {
    title: 'goes to the own node with PreferSameNode, whatever hints say',
    service: { trafficDistribution: 'PreferSameNode' },
    endpoints: [forZones(SAME_ZONE, 'zone-a'), forZones(OWN, 'zone-b')],
    expected: [OWN],
  },
  {
    title: 'goes to the own zone with PreferSameNode where the own node has none',
    service: { trafficDistribution: 'PreferSameNode' },
    endpoints: [SAME_LAN, SAME_ZONE],
    expected: [SAME_ZONE],
  },
]

const HINT_CASES: readonly SelectionCase[] = [
  {
    title: 'goes to those that hints mean for the own zone, wherever they are',
    endpoints: [forZones(OWN, 'zone-b'), forZones(FAR, 'zone-c', 'zone-a'), forZones(CLOUD, 'zone-a')],
    expected: [FAR, CLOUD],
  },
  {
    title: 'ignores hints that one of the ready endpoints lacks',
    endpoints: [OWN, forZones(FAR, 'zone-a')],
    expected: [OWN],
  },
  {
    title: 'does not miss a hint of an endpoint that is not ready',
    endpoints: [{ ...OWN, ready: false }, forZones(SAME_LAN, 'zone-b'), forZones(FAR, 'zone-a')],
    expected: [FAR],
  },
  {
    title: 'ignores hints of which none is for the own zone',
    endpoints: [forZones(SAME_LAN, 'zone-b'), forZones(FAR, 'zone-c')],
    expected: [SAME_LAN],
  },
  {
    title: 'ignores hints on a node that is in no zone',
    nodes: [nodeOf('own'), nodeOf('far', { labels: ZONE })],
    endpoints: [forZones(OWN, 'zone-b'), forZones(FAR, 'zone-a')],
    expected: [OWN],
  },
  {
    title: 'goes by hints rather than by the zones of nodes with PreferClose',
    service: { trafficDistribution: 'PreferClose' },
    endpoints: [forZones(SAME_ZONE, 'zone-b'), forZones(FAR, 'zone-a')],
    expected: [FAR],
  },
]

/** Where to go of those that can serve. */
export const TOPOLOGY_CASES: readonly SelectionCase[] = [
  ...DEFAULT_CASES,
  ...UNKNOWN_NODE_CASES,
  ...ANNOTATION_CASES,
  ...DISTRIBUTION_CASES,
  ...HINT_CASES,
]
