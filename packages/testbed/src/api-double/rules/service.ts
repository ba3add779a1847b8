import { BlockList, isIP } from 'node:net'
import { isRecord, objectKey } from '../api-object.ts'
import type { StatusCause } from '../status-error.ts'
import { duplicate, invalidValue, required, unsupported } from './invalid.ts'
import { isDnsLabel } from './names.ts'
import { checkNodePorts, withNodePorts } from './node-ports.ts'
import type { AdmissionRequest, AdmissionRule, Admitted } from './rule.ts'
import { portListOf, type ServiceAllocations } from './service-allocations.ts'

type Fields = Readonly<Record<string, unknown>>

const TYPES = ['ClusterIP', 'NodePort', 'LoadBalancer', 'ExternalName']
const PROTOCOLS = ['TCP', 'UDP', 'SCTP']
const AFFINITIES = ['None', 'ClientIP']
const POLICIES = ['Cluster', 'Local']
const AFFINITY_SECONDS = 10_800

/** Fills in what kube-apiserver fills in, and chooses addresses and node ports that no other Service has. */
export function serviceRule(allocations: ServiceAllocations): AdmissionRule {
  return (request) => admitService(request, allocations)
}

function admitService({ ref, object, former }: AdmissionRequest, allocations: ServiceAllocations): Admitted {
  const spec = recordOf(object['spec'])
  const formerSpec = recordOf(former?.['spec'])
  const type = spec['type'] ?? 'ClusterIP'
  const address = type === 'ExternalName' ? {} : addressOf(spec, formerSpec, allocations)
  const ports = withNodePorts({ ...spec, type, ports: portsOf(spec) }, formerSpec, allocations)
  const affinity = spec['sessionAffinity'] ?? 'None'
  const filled = {
    ...spec,
    type,
    ...address,
    ...(ports.length === 0 ? {} : { ports }),
    ...(type === 'ExternalName' ? {} : { internalTrafficPolicy: spec['internalTrafficPolicy'] ?? 'Cluster' }),
    sessionAffinity: affinity,
    ...(affinity === 'ClientIP'
      ? {
          sessionAffinityConfig: spec['sessionAffinityConfig'] ?? {
            clientIP: { timeoutSeconds: AFFINITY_SECONDS },
          },
        }
      : {}),
  }
  const causes = [
    ...checkSpec(filled),
    ...checkAddress(filled, formerSpec),
    ...checkNodePorts(filled),
    ...allocations.conflictsOf(filled, objectKey(ref)),
  ]
  return { object: { ...object, spec: filled, status: object['status'] ?? { loadBalancer: {} } }, causes }
}

function addressOf(spec: Fields, former: Fields, allocations: ServiceAllocations): Fields {
  const kept = former['type'] === 'ExternalName' ? undefined : former['clusterIP']
  const listed: unknown[] = Array.isArray(spec['clusterIPs']) ? spec['clusterIPs'] : []
  const named = spec['clusterIP'] === '' ? undefined : spec['clusterIP']
  const clusterIP = named ?? listed[0] ?? kept ?? allocations.freeClusterIp()
  const clusterIPs = listed.length > 0 ? listed : [clusterIP]
  if (clusterIP === 'None') return { clusterIP, clusterIPs, ...familiesOf(['0.0.0.0']) }
  return { clusterIP, clusterIPs, ...familiesOf(clusterIPs) }
}

function familiesOf(ips: readonly unknown[]): Fields {
  const ipFamilies = ips.map((ip) => (isIP(String(ip)) === 6 ? 'IPv6' : 'IPv4'))
  return { ipFamilies, ipFamilyPolicy: ipFamilies.length > 1 ? 'PreferDualStack' : 'SingleStack' }
}

function portsOf(spec: Fields): Fields[] {
  return portListOf(spec).map((port) => ({
    ...port,
    protocol: port['protocol'] ?? 'TCP',
    targetPort: port['targetPort'] ?? port['port'],
  }))
}

function checkSpec(spec: Fields): StatusCause[] {
  const ports = portListOf(spec)
  const needsPorts = spec['type'] !== 'ExternalName' && spec['clusterIP'] !== 'None'
  return [
    ...oneOf('spec.type', spec['type'], TYPES),
    ...oneOf('spec.sessionAffinity', spec['sessionAffinity'], AFFINITIES),
    ...oneOf('spec.internalTrafficPolicy', spec['internalTrafficPolicy'] ?? 'Cluster', POLICIES),
    ...oneOf('spec.externalTrafficPolicy', spec['externalTrafficPolicy'] ?? 'Cluster', POLICIES),
    ...(needsPorts && ports.length === 0 ? [required('spec.ports')] : []),
    ...(spec['type'] === 'ExternalName' && typeof spec['externalName'] !== 'string'
      ? [required('spec.externalName')]
      : []),
    ...ports.flatMap((port, index) => checkPort(port, index, ports)),
  ]
}

function checkPort(port: Fields, index: number, ports: readonly Fields[]): StatusCause[] {
  const at = `spec.ports[${index}]`
  return [
    ...checkNumbers(port, at),
    ...oneOf(`${at}.protocol`, port['protocol'], PROTOCOLS),
    ...checkPortName(port['name'], at, ports),
    ...checkTwins(port, index, ports),
  ]
}

function checkNumbers({ port, targetPort }: PortNumbers, at: string): StatusCause[] {
  const range = 'must be between 1 and 65535, inclusive'
  return [
    ...(isPort(port) ? [] : [invalidValue(`${at}.port`, port, range)]),
    ...(typeof targetPort !== 'number' || isPort(targetPort)
      ? []
      : [invalidValue(`${at}.targetPort`, targetPort, range)]),
  ]
}

interface PortNumbers {
  readonly port?: unknown
  readonly targetPort?: unknown
}

function checkPortName(name: unknown, at: string, ports: readonly Fields[]): StatusCause[] {
  if (typeof name !== 'string') return ports.length > 1 ? [required(`${at}.name`)] : []
  return isDnsLabel(name) ? [] : [invalidValue(`${at}.name`, name, 'must be a DNS label')]
}

/** Names are unique, and so are numbers with their protocol; the later one is at fault. */
function checkTwins(port: Fields, index: number, ports: readonly Fields[]): StatusCause[] {
  const at = `spec.ports[${index}]`
  const earlier = ports.slice(0, index)
  const {
    name,
    port: number,
    protocol,
  } = port as { readonly name?: unknown; readonly port?: unknown; readonly protocol?: unknown }
  const isNamedTwice = name !== undefined && earlier.some((other) => other['name'] === name)
  const isThere = earlier.some((other) => other['port'] === number && other['protocol'] === protocol)
  return [
    ...(isNamedTwice ? [duplicate(`${at}.name`, name)] : []),
    ...(isThere ? [duplicate(at, { port: number, protocol })] : []),
  ]
}

function checkAddress(spec: Fields, former: Fields): StatusCause[] {
  const { clusterIP } = spec as { readonly clusterIP?: unknown }
  const { clusterIP: before } = former as { readonly clusterIP?: unknown }
  if (clusterIP === undefined) return []
  if (before !== undefined && before !== clusterIP && former['type'] !== 'ExternalName')
    return [invalidValue('spec.clusterIPs[0]', [clusterIP], 'may not change once set')]
  if (clusterIP === 'None') return []
  if (
    isIP(String(clusterIP)) === 0 ||
    RESERVED.check(String(clusterIP), isIP(String(clusterIP)) === 6 ? 'ipv6' : 'ipv4')
  )
    return [invalidValue('spec.clusterIPs[0]', clusterIP, 'must be a valid IP address')]
  return []
}

/** Addresses that no Service can have. */
const RESERVED = new BlockList()
RESERVED.addSubnet('127.0.0.0', 8, 'ipv4')
RESERVED.addAddress('0.0.0.0', 'ipv4')

function oneOf(field: string, value: unknown, supported: readonly string[]): StatusCause[] {
  return typeof value === 'string' && supported.includes(value) ? [] : [unsupported(field, value, supported)]
}

function isPort(value: unknown): boolean {
  return typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= 65_535
}

function recordOf(value: unknown): Fields {
  return isRecord(value) ? value : {}
}
