declare const nodeName: unique symbol

/** The name of a Kubernetes Node object. */
export type NodeName = string & { readonly [nodeName]: true }

/** Nodes that carry the same value are on one network: each reaches the pods of the others by plain routing. */
export const ROUTED_NETWORK_ANNOTATION = 'edgeway.io/routed-network'

/** A Node of the cluster, as far as the mesh needs it. */
export interface Node {
  readonly name: NodeName
  readonly labels: Readonly<Record<string, string>>
  /** Value of `ROUTED_NETWORK_ANNOTATION`; `undefined` for a node that is reached through the tunnel only. */
  readonly routedNetwork: string | undefined
}
