import type { NodeName } from '@edgeway/core'
import type { ApiObject } from '../kubernetes/api-object.ts'
import type { Fields } from '../kubernetes/fields.ts'
import {
  type EndpointSlice,
  mapSlicePort,
  readPodRef,
  type SliceEndpoint,
  type SlicePort,
} from './endpoint-slice-mapper.ts'
import { canonicalIp } from './ip-address.ts'

/** On Endpoints that are cut off after 1,000 addresses. */
const CUT_OFF_ANNOTATION = 'endpoints.kubernetes.io/over-capacity'

/**
 * Endpoints of the core group, as one slice per subset. They know neither zones nor hints, and say of an endpoint that
 * is not ready only that.
 *
 * @returns `undefined` for those that are cut off
 * @throws {MalformedObjectError} that names the field
 */
export function mapEndpoints(object: ApiObject): readonly EndpointSlice[] | undefined {
  const { key, namespace, annotations, fields } = object
  if (annotations[CUT_OFF_ANNOTATION] === 'truncated') return undefined
  return fields.list('subsets').map((subset) => {
    const ports: SlicePort[] = subset.list('ports').flatMap(mapSlicePort)
    const read = (field: string, ready: boolean): SliceEndpoint[] =>
      subset.list(field).map((address) => mapAddress(address, { namespace, ready }))
    return {
      service: key,
      ports,
      endpoints: [...read('addresses', true), ...read('notReadyAddresses', false)],
    }
  })
}

function mapAddress(
  address: Fields,
  { namespace, ready }: { readonly namespace: string; readonly ready: boolean },
): SliceEndpoint {
  return {
    ip: canonicalIp(address.string('ip'), 'subsets[].addresses[].ip'),
    node: address.optionalString('nodeName') as NodeName | undefined,
    ready,
    serving: ready,
    terminating: false,
    zone: undefined,
    forZones: [],
    hostname: address.optionalString('hostname'),
    pod: readPodRef(address, namespace),
  }
}
