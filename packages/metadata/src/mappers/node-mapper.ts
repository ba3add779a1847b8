import { type Node, type NodeName, ROUTED_NETWORK_ANNOTATION } from '@edgeway/core'
import type { ApiObject } from '../kubernetes/api-object.ts'

/** @throws {MalformedObjectError} that names the field */
export function mapNode({ name, labels, annotations, fields }: ApiObject): Node {
  const status = fields.optionalChild('status')
  return {
    name: name as NodeName,
    labels,
    addresses: (status?.list('addresses') ?? []).map((address) => ({
      type: address.string('type'),
      address: address.string('address'),
    })),
    routedNetwork: annotations[ROUTED_NETWORK_ANNOTATION],
  }
}
