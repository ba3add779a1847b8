import type { Endpoint, NodeName, PodRef, Protocol } from '@edgeway/core'
import { MalformedObjectError } from '../errors.ts'
import type { ApiObject } from '../kubernetes/api-object.ts'
import type { Fields } from '../kubernetes/fields.ts'
import { canonicalIp } from './ip-address.ts'
import { readProtocol } from './service-mapper.ts'

const SERVICE_LABEL = 'kubernetes.io/service-name'

/** A port of a slice; it belongs to the ServicePort of the same name. */
export interface SlicePort {
  readonly name: string
  readonly port: number
  readonly protocol: Protocol
}

/** An endpoint, at each port of its slice. */
export type SliceEndpoint = Omit<Endpoint, 'port' | 'protocol'>

/** An EndpointSlice as the mesh knows it: each of its endpoints serves each of its ports. */
export interface EndpointSlice {
  /** `namespace/name` of its Service. */
  readonly service: string
  readonly ports: readonly SlicePort[]
  readonly endpoints: readonly SliceEndpoint[]
}

const NO_ZONES: readonly string[] = []

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
    ports: fields.list('ports').flatMap(mapSlicePort),
    endpoints: fields.list('endpoints').map((endpoint) => mapEndpoint(endpoint, namespace)),
  }
}

/** @throws {MalformedObjectError} that names the field */
export function hasLoopbackEndpoint({ fields }: ApiObject): boolean {
  return fields
    .list('endpoints')
    .some((endpoint) => endpoint.stringList('addresses').some((ip) => ip.startsWith('127.') || ip === '::1'))
}

/** Nothing for a port without number ("all ports") or of a protocol that the mesh does not carry. */
export function mapSlicePort(port: Fields): SlicePort[] {
  const protocol = readProtocol(port)
  if (protocol === undefined || !port.has('port')) return []
  return [{ name: port.optionalString('name') ?? '', port: port.port('port'), protocol }]
}

/** The pod that a `targetRef` names, if it names one. */
export function readPodRef(fields: Fields, namespace: string): PodRef | undefined {
  const ref = fields.optionalChild('targetRef')
  if (ref?.optionalString('kind') !== 'Pod') return undefined
  return {
    namespace: ref.optionalString('namespace') ?? namespace,
    name: ref.string('name'),
    uid: ref.optionalString('uid'),
  }
}

/** Addresses after the first have no meaning, and kube-proxy does not look at them either (API of EndpointSlice v1). */
function mapEndpoint(endpoint: Fields, namespace: string): SliceEndpoint {
  const [address] = endpoint.stringList('addresses')
  if (address === undefined)
    throw new MalformedObjectError('endpoints[].addresses', undefined, 'at least one address')
  return {
    ip: canonicalIp(address, 'endpoints[].addresses'),
    node: endpoint.optionalString('nodeName') as NodeName | undefined,
    ...readConditions(endpoint.optionalChild('conditions')),
    zone: endpoint.optionalString('zone'),
    forZones: readHints(endpoint.optionalChild('hints')),
    hostname: endpoint.optionalString('hostname'),
    pod: readPodRef(endpoint, namespace),
  }
}

/** Absent ones mean: ready, serving as ready, not terminating (API of EndpointSlice v1). */
function readConditions(
  conditions: Fields | undefined,
): Pick<SliceEndpoint, 'ready' | 'serving' | 'terminating'> {
  const ready = conditions?.optionalBoolean('ready') ?? true
  return {
    ready,
    serving: conditions?.optionalBoolean('serving') ?? ready,
    terminating: conditions?.optionalBoolean('terminating') ?? false,
  }
}

function readHints(hints: Fields | undefined): readonly string[] {
  const zones = hints?.list('forZones').map((zone) => zone.string('name')) ?? []
  return zones.length === 0 ? NO_ZONES : zones
}
