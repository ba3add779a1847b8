import { BENCH } from '../service-objects.ts'
import { HASH_HEADER, HTTP_PORTS, type HttpRoute, numberOf } from './routes.ts'

/** An endpoint of a Service. */
export interface Origin {
  readonly ip: string
  readonly node: string
}

interface HttpService {
  readonly name: string
  readonly clusterIp: string
  readonly protocol: HttpRoute['protocol']
  readonly annotations: Readonly<Record<string, string>>
}

const FORWARDING = 'edgeway.io/forwarding'

/** The pod at the other site, requests of HTTP/1.1 balanced one by one or connections carried as they are. */
export const FAR = { l7: '10.96.0.58', l4: '10.96.0.59' } as const

export function clusterIpOf({ name }: HttpRoute): string {
  return `10.96.0.${40 + numberOf(name)}`
}

/** The Service of a route: its requests are balanced. */
export function objectsOfRoute(route: HttpRoute, origins: readonly Origin[]) {
  const hash = route.isHashed ? { 'edgeway.io/hash-header': HASH_HEADER } : {}
  const { name, protocol } = route
  return objectsOf(
    { name, protocol, clusterIp: clusterIpOf(route), annotations: { [FORWARDING]: 'l7', ...hash } },
    origins,
  )
}

/** The two Services of the pod at the other site. */
export function farObjects(origin: Origin) {
  return Object.entries(FAR).flatMap(([forwarding, clusterIp]) =>
    objectsOf(
      {
        name: `far-${forwarding}`,
        protocol: 'http',
        clusterIp,
        annotations: { [FORWARDING]: forwarding },
      },
      [origin],
    ),
  )
}

function objectsOf({ name, clusterIp, protocol, annotations }: HttpService, origins: readonly Origin[]) {
  const metadata = { namespace: BENCH, name }
  const ports = [{ name: protocol, protocol: 'TCP', port: HTTP_PORTS[protocol] }]
  return [
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { ...metadata, annotations },
      spec: { clusterIP: clusterIp, ports },
    },
    {
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: { ...metadata, labels: { 'kubernetes.io/service-name': name } },
      addressType: 'IPv4',
      ports,
      endpoints: origins.map(({ ip, node }) => ({
        addresses: [ip],
        conditions: { ready: true },
        nodeName: node,
      })),
    },
  ]
}
