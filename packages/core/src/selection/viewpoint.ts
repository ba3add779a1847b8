import { isEdgeNode, lanOf, type Node, type NodeName, nodeGroupOf, regionOf, zoneOf } from '../model/node.ts'
import type { NodeDirectory } from '../ports/node-directory.ts'

/** The node from which endpoints are looked at, and what it knows of the others. */
export interface Viewpoint {
  readonly nodeName: NodeName
  readonly nodes: Pick<NodeDirectory, 'node'>
}

/** How a node is reached: it is this one, by the cluster's own network, or by the tunnel only. */
export type Reach = 'local' | 'routed' | 'tunnel'

/**
 * Goes by nodes, never by addresses: two sites may use the same ones. An endpoint without a node was set by hand (e.g. a
 * database outside the cluster): its address counts as it stands.
 */
export function reachOf(node: NodeName | undefined, { nodeName, nodes }: Viewpoint): Reach {
  if (node === nodeName) return 'local'
  if (node === undefined) return 'routed'
  return shareNetwork(nodes.node(node), nodes.node(nodeName)) ? 'routed' : 'tunnel'
}

function shareNetwork(a: Node | undefined, b: Node | undefined): boolean {
  return a?.routedNetwork !== undefined && a.routedNetwork === b?.routedNetwork
}

/** Whether selection treats two Nodes, or two states of one, alike: all that it reads of them is the same. */
export function areAlikeInSelection(a: Node | undefined, b: Node | undefined): boolean {
  return READ_BY_SELECTION.every((read) => read(a) === read(b))
}

const READ_BY_SELECTION: readonly ((node: Node | undefined) => string | boolean | undefined)[] = [
  (node) => node !== undefined,
  (node) => node?.routedNetwork,
  (node) => node !== undefined && isEdgeNode(node),
  lanOf,
  nodeGroupOf,
  zoneOf,
  regionOf,
]
