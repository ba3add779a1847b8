import type { Node, NodeDirectory, NodeName } from '@edgeway/core'

/** A NodeDirectory that tests fill by hand. */
export class FakeNodeDirectory implements NodeDirectory {
  readonly #nodes = new Map<NodeName, Node>()
  readonly #listeners = new Set<(changed: NodeName) => void>()

  constructor(nodes: Iterable<Node> = []) {
    for (const node of nodes) this.#nodes.set(node.name, node)
  }

  /** Adds or replaces a Node. */
  set(node: Node): void {
    this.#nodes.set(node.name, node)
    this.#notify(node.name)
  }

  delete(name: NodeName): void {
    if (this.#nodes.delete(name)) this.#notify(name)
  }

  node(name: NodeName): Node | undefined {
    return this.#nodes.get(name)
  }

  nodes(): Iterable<Node> {
    return this.#nodes.values()
  }

  watchNodes(listener: (changed: NodeName) => void): Disposable {
    this.#listeners.add(listener)
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) }
  }

  #notify(changed: NodeName): void {
    for (const listener of this.#listeners) listener(changed)
  }
}
