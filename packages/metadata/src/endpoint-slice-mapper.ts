import type { NodeName, Protocol } from '@edgeway/core'
import { MalformedObjectError } from './errors.ts'
import { canonicalIp } from './ip-address.ts'
import type { ApiObject } from './kubernetes/api-object.ts'
import type { Fields } from './kubernetes/fields.ts'
import { readProtocol } from './service-mapper.ts'

const SERVICE_LABEL = 'kubernetes.io/service-name'

/** A port of a slice; it belongs to the ServicePort of the same name. */
export interface SlicePort {
  readonly name: string
  readonly port: number
  readonly protocol: Protocol
}

export interface SliceAddress {
  readonly ip: string
  readonly node: NodeName | undefined
  readonly ready: boolean
}

/** An EndpointSlice as the mesh knows it: each of its addresses serves each of its ports. */
export interface EndpointSlice {
  /** `namespace/name` of its Service. */
  readonly service: string
  readonly ports: readonly SlicePort[]
  readonly addresses: readonly SliceAddress[]
}

/**
 * @returns `undefined` for a slice that no Service owns, or whose addresses are names
 * @throws {MalformedObjectError} that names the field
 * @see KEP-752
 */
export function mapEndpointSlice({ namespace, labels, fields }: ApiObject): EndpointSlice | undefined {
  const service = labels[SERVICE_LABEL]
  if (service === undefined || fields.optionalString('addressType') === 'FQDN') return undefined
  return {
    service: `${namespace}/${service}`,
    ports: fields.list('ports').flatMap(mapPort),
    addresses: fields.list('endpoints').map(mapEndpoint),
  }
}

/** Nothing for a port without number ("all ports") or of a protocol that the mesh does not carry. */
function mapPort(port: Fields): SlicePort[] {
  const protocol = readProtocol(port)
  if (protocol === undefined || !port.has('port')) return []
  return [{ name: port.optionalString('name') ?? '', port: port.port('port'), protocol }]
}

/** Addresses after the first have no meaning, and kube-proxy does not look at them either (API of EndpointSlice v1). */
function mapEndpoint(endpoint: Fields): SliceAddress {
  const [address] = endpoint.stringList('addresses')
  if (address === undefined)
    throw new MalformedObjectError('endpoints[].addresses', undefined, 'at least one address')
  const node = endpoint.optionalString('nodeName') as NodeName | undefined
  const ready = endpoint.has('conditions')
    ? (endpoint.child('conditions').optionalBoolean('ready') ?? true)
    : true
  return { ip: canonicalIp(address, 'endpoints[].addresses'), node, ready }
}
