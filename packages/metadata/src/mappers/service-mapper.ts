import {
  formatServicePortName,
  PROTOCOLS,
  type Protocol,
  SERVICE_TOPOLOGY_ANNOTATION,
  type Service,
  type ServicePort,
  type TrafficPolicy,
} from '@edgeway/core'
import { MalformedObjectError } from '../errors.ts'
import type { ApiObject } from '../kubernetes/api-object.ts'
import type { Fields } from '../kubernetes/fields.ts'
import { canonicalIp } from './ip-address.ts'

/**
 * Which Services are left to another proxy, by the label `service.edgemesh.kubeedge.io/service-proxy-name`: those that
 * have it, or those that have it not. Named as EdgeMesh's setting.
 */
export type ServiceFilterMode = 'FilterIfLabelExists' | 'FilterIfLabelDoesNotExists'

const TYPES = ['ClusterIP', 'NodePort', 'LoadBalancer', 'ExternalName'] as const
/** What `spec.clusterIP` says of a Service that has none. */
const HEADLESS = 'None'
/** Default of `sessionAffinityConfig.clientIP.timeoutSeconds`. */
const AFFINITY_SECONDS = 10_800
const PROXY_NAME_LABEL = 'service.edgemesh.kubeedge.io/service-proxy-name'
const OWN_ANNOTATIONS = 'edgeway.io/'
const NO_ANNOTATIONS: Readonly<Record<string, string>> = {}
const NO_IPS: readonly string[] = []

/** Maps Services, and knows by the filter mode which ones the mesh proxies. */
export function serviceMapper(mode: ServiceFilterMode): (object: ApiObject) => Service {
  return (object) =>
    mapService(object, PROXY_NAME_LABEL in object.labels !== (mode === 'FilterIfLabelExists'))
}

/**
 * A Service as the mesh knows it. Ports of protocols that the mesh does not carry are left out.
 *
 * @throws {MalformedObjectError} that names the field
 */
function mapService(object: ApiObject, proxied: boolean): Service {
  const { name, fields } = object
  const namespace = fields.child('metadata').string('namespace')
  const spec = fields.child('spec')
  const typeText = spec.optionalString('type')
  const type = TYPES.find((known) => known === typeText) ?? 'ClusterIP'
  const isAlias = type === 'ExternalName'
  const clusterIps = isAlias ? NO_IPS : readClusterIps(spec)
  const externalIps = isAlias ? NO_IPS : readExternalIps(fields)
  const ports = spec.list('ports').flatMap((port): ServicePort[] => {
    const protocol = readProtocol(port)
    if (protocol === undefined) return []
    return [
      {
        name: formatServicePortName(namespace, name, port.optionalString('name') ?? ''),
        protocol,
        port: port.port('port'),
        clusterIps,
        externalIps,
        nodePort: port.optionalPort('nodePort'),
        appProtocol: port.optionalString('appProtocol'),
        proxied,
      },
    ]
  })
  refuseSameNames(ports)
  return {
    namespace,
    name,
    type,
    clusterIps,
    headless: spec.optionalString('clusterIP') === HEADLESS,
    externalName: isAlias ? spec.string('externalName') : undefined,
    ports,
    ...readPolicies(spec),
    destinationPolicy: undefined,
    annotations: understood(object.annotations),
  }
}

/** Absent means TCP; `undefined` for one that the mesh does not carry. */
export function readProtocol(port: Fields): Protocol | undefined {
  const text = port.optionalString('protocol') ?? 'TCP'
  return PROTOCOLS.find((known) => known === text)
}

type Policies = Pick<
  Service,
  | 'clientIpAffinitySeconds'
  | 'internalTrafficPolicy'
  | 'externalTrafficPolicy'
  | 'trafficDistribution'
  | 'publishNotReadyAddresses'
>

function readPolicies(spec: Fields): Policies {
  return {
    clientIpAffinitySeconds: readAffinity(spec),
    internalTrafficPolicy: readTrafficPolicy(spec, 'internalTrafficPolicy'),
    externalTrafficPolicy: readTrafficPolicy(spec, 'externalTrafficPolicy'),
    trafficDistribution: spec.optionalString('trafficDistribution'),
    publishNotReadyAddresses: spec.optionalBoolean('publishNotReadyAddresses') ?? false,
  }
}

function readAffinity(spec: Fields): number | undefined {
  if (spec.optionalString('sessionAffinity') !== 'ClientIP') return undefined
  const config = spec.optionalChild('sessionAffinityConfig')?.optionalChild('clientIP')
  return config?.optionalPositiveInteger('timeoutSeconds') ?? AFFINITY_SECONDS
}

function readTrafficPolicy(spec: Fields, field: string): TrafficPolicy {
  return spec.optionalString(field) === 'Local' ? 'Local' : 'Cluster'
}

/** `clusterIPs` where there are any, else `clusterIP`, which old API servers know alone. */
function readClusterIps(spec: Fields): readonly string[] {
  const listed = spec.stringList('clusterIPs')
  const texts = listed.length > 0 ? listed : [spec.optionalString('clusterIP') ?? '']
  return texts
    .filter((text) => text !== '' && text !== HEADLESS)
    .map((text) => canonicalIp(text, 'spec.clusterIPs'))
}

/** Addresses with `ipMode: Proxy` are the load balancer's own: it rewrites what it sends on (KEP-1860). */
function readExternalIps(fields: Fields): readonly string[] {
  const named = fields.child('spec').stringList('externalIPs')
  const ingress = fields.optionalChild('status')?.optionalChild('loadBalancer')?.list('ingress') ?? []
  const balanced = ingress
    .filter((point) => point.optionalString('ipMode') !== 'Proxy')
    .map((point) => point.optionalString('ip') ?? '')
    .filter((ip) => ip !== '')
  if (named.length + balanced.length === 0) return NO_IPS
  const canonical = [
    ...named.map((ip) => canonicalIp(ip, 'spec.externalIPs')),
    ...balanced.map((ip) => canonicalIp(ip, 'status.loadBalancer.ingress[].ip')),
  ]
  return [...new Set(canonical)]
}

function refuseSameNames(ports: readonly ServicePort[]): void {
  const names = ports.map((port) => port.name)
  if (new Set(names).size < names.length)
    throw new MalformedObjectError('spec.ports', names, 'ports with distinct names')
}

/** All of the mesh's own, so that a wrong one can be told of; of the others, which change often, those that mean something to it. */
function understood(annotations: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  const known = Object.entries(annotations).filter(
    ([name]) => name.startsWith(OWN_ANNOTATIONS) || name === SERVICE_TOPOLOGY_ANNOTATION,
  )
  return known.length === 0 ? NO_ANNOTATIONS : Object.fromEntries(known)
}
