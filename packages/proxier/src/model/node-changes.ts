import { areAlikeInSelection, type Node, type NodeDirectory, type NodeName } from '@edgeway/core'

/** Tells changes of Nodes that selection depends on from the others: a Node's status changes every few seconds. */
export class NodeChanges {
  readonly #nodes: Pick<NodeDirectory, 'node' | 'nodes'>
  readonly #seen: Map<NodeName, Node>

  constructor(nodes: Pick<NodeDirectory, 'node' | 'nodes'>) {
    this.#nodes = nodes
    this.#seen = new Map([...nodes.nodes()].map((node) => [node.name, node]))
  }

  /** Whether a Node is at another place than at the last look, by its labels and network, or came or went. */
  matter(name: NodeName): boolean {
    const before = this.#seen.get(name)
    const now = this.#nodes.node(name)
    if (now === undefined) this.#seen.delete(name)
    else this.#seen.set(name, now)
    return !areAlikeInSelection(before, now)
  }
}
