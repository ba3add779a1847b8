import { isIP } from 'node:net'
import { isRecord } from '../api-object.ts'
import type { StatusCause } from '../status-error.ts'
import { invalidValue, unsupported } from './invalid.ts'
import type { AdmissionRequest, Admitted } from './rule.ts'

const ADDRESS_TYPES = ['IPv4', 'IPv6', 'FQDN']
const MAX_ENDPOINTS = 1_000

export function admitEndpointSlice({ object, former }: AdmissionRequest): Admitted {
  const addressType = object['addressType']
  const endpoints = Array.isArray(object['endpoints']) ? object['endpoints'] : []
  const causes: StatusCause[] = []
  if (typeof addressType !== 'string' || !ADDRESS_TYPES.includes(addressType))
    causes.push(unsupported('addressType', addressType, ADDRESS_TYPES))
  if (former !== undefined && former['addressType'] !== addressType)
    causes.push(invalidValue('addressType', addressType, 'field is immutable'))
  if (endpoints.length > MAX_ENDPOINTS)
    causes.push(invalidValue('endpoints', endpoints.length, `must have at most ${MAX_ENDPOINTS} items`))
  for (const [index, endpoint] of endpoints.entries())
    causes.push(...checkAddresses(endpoint, addressType, `endpoints[${index}].addresses`))
  const ports = Array.isArray(object['ports']) ? object['ports'] : []
  const named = ports.map((port: unknown) =>
    isRecord(port) ? { ...port, name: port['name'] ?? '', protocol: port['protocol'] ?? 'TCP' } : port,
  )
  return { object: { ...object, endpoints, ports: named }, causes }
}

function checkAddresses(endpoint: unknown, addressType: unknown, field: string): StatusCause[] {
  const addresses: unknown[] =
    isRecord(endpoint) && Array.isArray(endpoint['addresses']) ? endpoint['addresses'] : []
  if (addresses.length === 0)
    return [
      { reason: 'FieldValueRequired', message: 'Required value: must contain at least 1 address', field },
    ]
  if (addressType !== 'IPv4' && addressType !== 'IPv6') return []
  const family = addressType === 'IPv4' ? 4 : 6
  return addresses
    .filter((address) => typeof address !== 'string' || isIP(address) !== family)
    .map((address) => invalidValue(field, address, `must be a valid ${addressType} address`))
}
