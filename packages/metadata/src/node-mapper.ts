import { type Node, type NodeName, ROUTED_NETWORK_ANNOTATION } from '@edgeway/core'
import type { ApiObject } from './kubernetes/api-object.ts'

export function mapNode({ name, labels, annotations }: ApiObject): Node {
  return { name: name as NodeName, labels, routedNetwork: annotations[ROUTED_NETWORK_ANNOTATION] }
}
