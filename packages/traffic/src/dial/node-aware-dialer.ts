import type { Dialer, DialTarget, EndpointConnection, Node, NodeDirectory, NodeName } from '@edgeway/core'

export interface NodeAwareDialerDeps {
  /** The node that this agent runs on. */
  readonly nodeName: NodeName
  readonly nodes: Pick<NodeDirectory, 'node'>
  readonly local: Dialer
  readonly routed: Dialer
  readonly tunnel: Dialer
}

/**
 * Chooses how to reach an Endpoint by the node it runs on: this one, one on the same declared network, or any other
 * through the tunnel. An Endpoint without a node (set by hand, e.g. a database outside the cluster) is dialled from
 * here. Never guesses by address: two sites may use the same one.
 */
export class NodeAwareDialer implements Dialer {
  readonly #deps: NodeAwareDialerDeps

  constructor(deps: NodeAwareDialerDeps) {
    this.#deps = deps
  }

  dial(target: DialTarget, signal: AbortSignal): Promise<EndpointConnection> {
    return this.#dialerTo(target.endpoint.node).dial(target, signal)
  }

  #dialerTo(node: NodeName | undefined): Dialer {
    const { nodeName, nodes, local, routed, tunnel } = this.#deps
    if (node === nodeName) return local
    if (node === undefined) return routed
    return shareNetwork(nodes.node(node), nodes.node(nodeName)) ? routed : tunnel
  }
}

function shareNetwork(a: Node | undefined, b: Node | undefined): boolean {
  return a?.routedNetwork !== undefined && a.routedNetwork === b?.routedNetwork
}
