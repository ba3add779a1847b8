import type { ApiObject } from '../api-double/api-object.ts'

export interface ServiceSpec {
  readonly namespace: string
  readonly name: string
  readonly clusterIp: string
  readonly port: number
}

/** A ClusterIP Service with the one port `main`. */
export function serviceObject({ namespace, name, clusterIp, port }: ServiceSpec): ApiObject {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { namespace, name },
    spec: { clusterIP: clusterIp, clusterIPs: [clusterIp], ports: [{ name: 'main', protocol: 'TCP', port }] },
  }
}

export interface EndpointSpec {
  readonly ip: string
  readonly node: string
  readonly ready?: boolean
}

/** The only EndpointSlice of a Service that `serviceObject` made. */
export function endpointSliceObject(
  service: Pick<ServiceSpec, 'namespace' | 'name'>,
  port: number,
  endpoints: readonly EndpointSpec[],
): ApiObject {
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: {
      namespace: service.namespace,
      name: `${service.name}-1`,
      labels: { 'kubernetes.io/service-name': service.name },
    },
    addressType: 'IPv4',
    ports: [{ name: 'main', protocol: 'TCP', port }],
    endpoints: endpoints.map(({ ip, node, ready = true }) => ({
      addresses: [ip],
      conditions: { ready },
      nodeName: node,
    })),
  }
}

export function namespaceObject(name: string): ApiObject {
  return { apiVersion: 'v1', kind: 'Namespace', metadata: { name } }
}

export function nodeObject(name: string): ApiObject {
  return { apiVersion: 'v1', kind: 'Node', metadata: { name } }
}
