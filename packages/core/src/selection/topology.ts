import type { Endpoint } from '../model/endpoint.ts'
import { isEdgeNode, lanOf, type Node, nodeGroupOf, regionOf, zoneOf } from '../model/node.ts'
import type { Viewpoint } from './viewpoint.ts'

/**
 * Kinds of nodes, as seen from one: itself; those of its LAN, NodeGroup, zone and region; those in the cloud; and every
 * one.
 */
export const TOPOLOGY_CLASSES = ['node', 'lan', 'nodegroup', 'zone', 'region', 'cloud', 'any'] as const

export type TopologyClass = (typeof TOPOLOGY_CLASSES)[number]

/**
 * Those meant for clients of this node's zone; `undefined` unless every endpoint says whom it is meant for and one of them
 * is.
 *
 * @see KEP-2433, "Topology Aware Hints"
 */
export function hintedEndpoints(
  endpoints: readonly Endpoint[],
  { nodeName, nodes }: Viewpoint,
): readonly Endpoint[] | undefined {
  const zone = zoneOf(nodes.node(nodeName))
  if (zone === undefined || endpoints.some(({ forZones }) => forZones.length === 0)) return undefined
  const hinted = endpoints.filter(({ forZones }) => forZones.includes(zone))
  return hinted.length > 0 ? hinted : undefined
}

/** Whether the endpoint is on a node of that kind. What is not known is in none. */
export function isWithin(endpoint: Endpoint, topologyClass: TopologyClass, viewpoint: Viewpoint): boolean {
  if (topologyClass === 'any') return true
  if (topologyClass === 'node') return endpoint.node === viewpoint.nodeName
  const { nodes, nodeName } = viewpoint
  const there = endpoint.node === undefined ? undefined : nodes.node(endpoint.node)
  if (topologyClass === 'cloud') return there !== undefined && !isEdgeNode(there)
  if (topologyClass === 'zone') return isSame(endpoint.zone ?? zoneOf(there), zoneOf(nodes.node(nodeName)))
  const nameOf = NAMES[topologyClass]
  return isSame(nameOf(there), nameOf(nodes.node(nodeName)))
}

const NAMES: Readonly<
  Record<'lan' | 'nodegroup' | 'region', (node: Node | undefined) => string | undefined>
> = { lan: lanOf, nodegroup: nodeGroupOf, region: regionOf }

/** Two that are not known are not the same. */
function isSame(a: string | undefined, b: string | undefined): boolean {
  return a !== undefined && a === b
}
