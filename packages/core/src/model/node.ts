declare const nodeName: unique symbol

/** The name of a Kubernetes Node object. */
export type NodeName = string & { readonly [nodeName]: true }

/** Nodes that carry the same value are on one network: each reaches the pods of the others by plain routing. */
export const ROUTED_NETWORK_ANNOTATION = 'edgeway.io/routed-network'

/** Of KubeEdge: the NodeGroup that a node belongs to. */
const NODE_GROUP_LABEL = 'apps.kubeedge.io/belonging-to'

const LAN_LABEL = 'edgeway.io/lan'

/** A Node of the cluster, as far as the mesh needs it. */
export interface Node {
  readonly name: NodeName
  readonly labels: Readonly<Record<string, string>>
  readonly addresses: readonly NodeAddress[]
  /** Value of `ROUTED_NETWORK_ANNOTATION`; `undefined` for a node that is reached through the tunnel only. */
  readonly routedNetwork: string | undefined
}

export interface NodeAddress {
  /** `InternalIP`, `ExternalIP`, `Hostname` or another type of the API. */
  readonly type: string
  /** Canonical where it is an IP address. */
  readonly address: string
}

/** KubeEdge's NodeGroup of the node; `undefined` when it is in none. */
export function nodeGroupOf(node: Labelled): string | undefined {
  return node?.labels[NODE_GROUP_LABEL]
}

/** The LAN that the node says it is on; names of LANs are the user's. */
export function lanOf(node: Labelled): string | undefined {
  return node?.labels[LAN_LABEL]
}

export function zoneOf(node: Labelled): string | undefined {
  return node?.labels['topology.kubernetes.io/zone']
}

export function regionOf(node: Labelled): string | undefined {
  return node?.labels['topology.kubernetes.io/region']
}

/** Whether KubeEdge's edge part runs on it, as `keadm join` labels it. */
export function isEdgeNode({ labels }: Pick<Node, 'labels'>): boolean {
  return 'node-role.kubernetes.io/edge' in labels
}

type Labelled = Pick<Node, 'labels'> | undefined
