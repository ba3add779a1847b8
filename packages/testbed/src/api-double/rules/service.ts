import { BlockList, isIP } from 'node:net'
import { type ApiObject, isRecord } from '../api-object.ts'
import { kindNamed } from '../kinds.ts'
import type { StatusCause } from '../status-error.ts'
import { duplicate, invalidValue, required, unsupported } from './invalid.ts'
import { isDnsLabel } from './names.ts'
import type { AdmissionRequest, Admitted, StoreView } from './rule.ts'

type Fields = Readonly<Record<string, unknown>>

const TYPES = ['ClusterIP', 'NodePort', 'LoadBalancer', 'ExternalName']
const PROTOCOLS = ['TCP', 'UDP', 'SCTP']
const AFFINITIES = ['None', 'ClientIP']
const POLICIES = ['Cluster', 'Local']

/** Where ClusterIPs come from: the upper half of kubeadm's default range, so that manifests can name those below. */
const CLUSTER_IPS = { prefix: '10.96', firstThird: 128, lastThird: 255 } as const
const NODE_PORTS = { first: 30_000, last: 32_767 } as const
const AFFINITY_SECONDS = 10_800

/** Fills in what kube-apiserver fills in, and allocates addresses and node ports. */
export function admitService({ object, former, store }: AdmissionRequest): Admitted {
  const spec = recordOf(object['spec'])
  const formerSpec = recordOf(former?.['spec'])
  const type = spec['type'] ?? 'ClusterIP'
  const others = otherServices(object, store)
  const address = type === 'ExternalName' ? {} : addressOf(spec, formerSpec, others)
  const ports = portsOf(spec, {
    former: formerSpec,
    hasNodePorts: type === 'NodePort' || type === 'LoadBalancer',
    others,
  })
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
  const causes = [...checkSpec(filled), ...checkAddress(filled, formerSpec, others)]
  return { object: { ...object, spec: filled, status: object['status'] ?? { loadBalancer: {} } }, causes }
}

function addressOf(spec: Fields, former: Fields, others: readonly Fields[]): Fields {
  const kept = former['type'] === 'ExternalName' ? undefined : former['clusterIP']
  const listed: unknown[] = Array.isArray(spec['clusterIPs']) ? spec['clusterIPs'] : []
  const clusterIP = spec['clusterIP'] ?? listed[0] ?? kept ?? freeClusterIp(others)
  const clusterIPs = listed.length > 0 ? listed : [clusterIP]
  if (clusterIP === 'None') return { clusterIP, clusterIPs, ...familiesOf(['0.0.0.0']) }
  return { clusterIP, clusterIPs, ...familiesOf(clusterIPs) }
}

function familiesOf(ips: readonly unknown[]): Fields {
  const ipFamilies = ips.map((ip) => (isIP(String(ip)) === 6 ? 'IPv6' : 'IPv4'))
  return { ipFamilies, ipFamilyPolicy: ipFamilies.length > 1 ? 'PreferDualStack' : 'SingleStack' }
}

function freeClusterIp(others: readonly Fields[]): string {
  const taken = new Set(others.map((spec) => spec['clusterIP']))
  for (let third: number = CLUSTER_IPS.firstThird; third <= CLUSTER_IPS.lastThird; third++)
    for (let last = 1; last < 255; last++) {
      const ip = `${CLUSTER_IPS.prefix}.${third}.${last}`
      if (!taken.has(ip)) return ip
    }
  return `${CLUSTER_IPS.prefix}.0.0`
}

function portsOf(
  spec: Fields,
  {
    former,
    hasNodePorts,
    others,
  }: { readonly former: Fields; readonly hasNodePorts: boolean; readonly others: readonly Fields[] },
): Fields[] {
  const taken = new Set([spec, ...others].flatMap(portListOf).map((port) => port['nodePort']))
  const before = portListOf(former)
  return portListOf(spec).map((port) => {
    const protocol = port['protocol'] ?? 'TCP'
    const same = before.find((one) => one['port'] === port['port'] && one['protocol'] === protocol)
    const nodePort = hasNodePorts
      ? { nodePort: port['nodePort'] ?? same?.['nodePort'] ?? freeNodePort(taken) }
      : {}
    taken.add(nodePort.nodePort)
    return { ...port, protocol, targetPort: port['targetPort'] ?? port['port'], ...nodePort }
  })
}

function freeNodePort(taken: ReadonlySet<unknown>): number {
  for (let port: number = NODE_PORTS.first; port <= NODE_PORTS.last; port++) if (!taken.has(port)) return port
  return NODE_PORTS.first
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

function checkNumbers({ port, targetPort, nodePort }: PortNumbers, at: string): StatusCause[] {
  const range = 'must be between 1 and 65535, inclusive'
  const nodeRange = `provided port is not in the valid range. The range of valid ports is ${NODE_PORTS.first}-${NODE_PORTS.last}`
  return [
    ...(isPort(port) ? [] : [invalidValue(`${at}.port`, port, range)]),
    ...(typeof targetPort !== 'number' || isPort(targetPort)
      ? []
      : [invalidValue(`${at}.targetPort`, targetPort, range)]),
    ...(nodePort === undefined || isNodePort(nodePort)
      ? []
      : [invalidValue(`${at}.nodePort`, nodePort, nodeRange)]),
  ]
}

interface PortNumbers {
  readonly port?: unknown
  readonly targetPort?: unknown
  readonly nodePort?: unknown
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

function checkAddress(spec: Fields, former: Fields, others: readonly Fields[]): StatusCause[] {
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
  if (others.some((other) => other['clusterIP'] === clusterIP))
    return [
      invalidValue(
        'spec.clusterIPs',
        [clusterIP],
        `failed to allocate IP ${String(clusterIP)}: provided IP is already allocated`,
      ),
    ]
  return []
}

/** Addresses that no Service can have. */
const RESERVED = new BlockList()
RESERVED.addSubnet('127.0.0.0', 8, 'ipv4')
RESERVED.addAddress('0.0.0.0', 'ipv4')

function otherServices({ metadata }: ApiObject, store: StoreView): readonly Fields[] {
  return store
    .list({ kind: kindNamed('Service'), namespace: undefined })
    .items.filter(
      (other) =>
        other.metadata.name !== metadata.name ||
        other.metadata.namespace !== (metadata.namespace ?? 'default'),
    )
    .map((other) => recordOf(other['spec']))
}

function oneOf(field: string, value: unknown, supported: readonly string[]): StatusCause[] {
  return typeof value === 'string' && supported.includes(value) ? [] : [unsupported(field, value, supported)]
}

function isPort(value: unknown): boolean {
  return typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= 65_535
}

function isNodePort(value: unknown): boolean {
  return typeof value === 'number' && value >= NODE_PORTS.first && value <= NODE_PORTS.last
}

function portListOf(spec: Fields): readonly Fields[] {
  return Array.isArray(spec['ports']) ? spec['ports'].filter(isRecord) : []
}

function recordOf(value: unknown): Fields {
  return isRecord(value) ? value : {}
}
