import type { Node, NodeName } from '../model/node.ts'

/** The cluster's Nodes, from memory. Implemented by `ClusterDirectory` (metadata) and `FakeNodeDirectory` (testbed). */
export interface NodeDirectory {
  node(name: NodeName): Node | undefined
}
