import { type Endpoint, type IpFamily, ipFamilyOf } from '@edgeway/core'

type Named = Pick<Endpoint, 'hostname' | 'pod' | 'node' | 'ip'>

/** Whether the endpoint has a name that it has again after its pod was made anew. */
export function isNamed({ hostname }: Pick<Endpoint, 'hostname'>): boolean {
  return hostname !== undefined && hostname !== ''
}

/** What an endpoint is called within its headless Service: its host name, else its pod's name, else where it is. */
export function labelOf(endpoint: Named): string {
  const { hostname = '', pod, node = '-', ip } = endpoint
  if (isNamed(endpoint)) return hostname
  return pod === undefined ? `node/${node}/${ip}` : `pod/${pod.name}`
}

/**
 * Whom a virtual address belongs to: `namespace/service@label family`.
 *
 * @param service - `namespace/name`
 */
export function addressKeyOf(service: string, endpoint: Named): string {
  return `${service}@${labelOf(endpoint)} ${ipFamilyOf(endpoint.ip)}`
}

/** The Service, `namespace/name`, that a key is of. */
export function serviceOfKey(key: string): string {
  return key.split('@', 1)[0] ?? ''
}

/** `undefined` for what is no key. */
export function familyOfKey(key: string): IpFamily | undefined {
  const [, family] = /^[^/@\s]+\/[^/@\s]+@\S+ (IPv4|IPv6)$/.exec(key) ?? []
  return family === 'IPv4' || family === 'IPv6' ? family : undefined
}
