import {
  type Dialer,
  type DialTarget,
  type EndpointAddress,
  type EndpointConnection,
  type Reach,
  reachOf,
  type Viewpoint,
} from '@edgeway/core'

/** The node that this agent runs on, and a Dialer for each way to reach an Endpoint's node. */
export type NodeAwareDialerDeps = Viewpoint & Readonly<Record<Reach, Dialer>>

/** Chooses how to reach an Endpoint by the node it runs on; never guesses by address: two sites may use the same one. */
export class NodeAwareDialer implements Dialer {
  readonly #deps: NodeAwareDialerDeps

  constructor(deps: NodeAwareDialerDeps) {
    this.#deps = deps
  }

  dial(target: DialTarget, signal: AbortSignal): Promise<EndpointConnection> {
    return this.#to(target.endpoint).dial(target, signal)
  }

  patienceMs(endpoint: EndpointAddress): number {
    return this.#to(endpoint).patienceMs?.(endpoint) ?? 0
  }

  #to({ node }: EndpointAddress): Dialer {
    return this.#deps[reachOf(node, this.#deps)]
  }
}
