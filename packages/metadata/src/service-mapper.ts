import {
  formatServicePortName,
  PROTOCOLS,
  type Protocol,
  type Service,
  type ServicePort,
} from '@edgeway/core'
import { MalformedObjectError } from './errors.ts'
import { canonicalIp } from './ip-address.ts'
import type { ApiObject } from './kubernetes/api-object.ts'
import type { Fields } from './kubernetes/fields.ts'

const TYPES = ['ClusterIP', 'NodePort', 'LoadBalancer', 'ExternalName'] as const
/** What `spec.clusterIP` says of a Service that has none. */
const HEADLESS = 'None'

/**
 * A Service as the mesh knows it. Ports of protocols that the mesh does not carry are left out.
 *
 * @throws {MalformedObjectError} that names the field
 */
export function mapService({ name, fields }: ApiObject): Service {
  const namespace = fields.child('metadata').string('namespace')
  const spec = fields.child('spec')
  const typeText = spec.optionalString('type')
  const type = TYPES.find((known) => known === typeText) ?? 'ClusterIP'
  const clusterIps = type === 'ExternalName' ? [] : readClusterIps(spec)
  const ports = spec.list('ports').flatMap((port): ServicePort[] => {
    const protocol = readProtocol(port)
    if (protocol === undefined) return []
    const portName = formatServicePortName(namespace, name, port.optionalString('name') ?? '')
    return [{ name: portName, protocol, port: port.port('port'), clusterIps }]
  })
  const names = ports.map((port) => port.name)
  if (new Set(names).size < names.length)
    throw new MalformedObjectError('spec.ports', names, 'ports with distinct names')
  return { namespace, name, type, clusterIps, ports }
}

/** Absent means TCP; `undefined` for one that the mesh does not carry. */
export function readProtocol(port: Fields): Protocol | undefined {
  const text = port.optionalString('protocol') ?? 'TCP'
  return PROTOCOLS.find((known) => known === text)
}

/** `clusterIPs` where there are any, else `clusterIP`, which old API servers know alone. */
function readClusterIps(spec: Fields): string[] {
  const listed = spec.stringList('clusterIPs')
  const texts = listed.length > 0 ? listed : [spec.optionalString('clusterIP') ?? '']
  return texts
    .filter((text) => text !== '' && text !== HEADLESS)
    .map((text) => canonicalIp(text, 'spec.clusterIPs'))
}
