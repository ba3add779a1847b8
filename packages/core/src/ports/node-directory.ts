import type { Node, NodeName } from '../model/node.ts'

/** The cluster's Nodes, from memory. Implemented by `ClusterDirectory` (metadata) and `FakeNodeDirectory` (testbed). */
export interface NodeDirectory {
  node(name: NodeName): Node | undefined

  /** Every Node, in no particular order. */
  nodes(): Iterable<Node>

  /** Calls `listener` after each applied change of a Node, its removal included, until the subscription is disposed. */
  watchNodes(listener: (changed: NodeName) => void): Disposable
}
