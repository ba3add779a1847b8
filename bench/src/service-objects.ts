import { PORTS } from './peers/servers.ts'

/** Namespace of everything that benches apply. */
export const BENCH = 'bench'

/** A Service with one Endpoint, which serves all ports that are measured. */
export interface MeasuredService {
  readonly name: string
  readonly clusterIp: string
  /** Of the Endpoint. */
  readonly node: string
  readonly annotations?: Readonly<Record<string, string>>
}

/** @param ip - of the Endpoint */
export function objectsOf({ name, clusterIp, node, annotations = {} }: MeasuredService, ip: string) {
  const metadata = { namespace: BENCH, name }
  const ports = Object.entries(PORTS).map(([port, number]) => ({ name: port, protocol: 'TCP', port: number }))
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
      endpoints: [{ addresses: [ip], conditions: { ready: true }, nodeName: node }],
    },
  ]
}
