import type { ApiObject } from '@edgeway/testbed'

export interface Version {
  readonly uid?: string
  readonly resourceVersion?: string
}

export function service(name: string, clusterIp: string, version: Version = {}): ApiObject {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { namespace: 'shop', name, ...version },
    spec: { clusterIP: clusterIp, ports: [{ name: 'http', port: 80 }] },
  }
}

/** A slice of the port `http` of a Service in `shop`, from addresses `node/ip`. */
export function slice(name: string, of: string, addresses: readonly string[]): ApiObject {
  const endpoints = addresses.map((text) => {
    const [nodeName, ip] = text.split('/')
    return { addresses: [ip], nodeName }
  })
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { namespace: 'shop', name, labels: { 'kubernetes.io/service-name': of } },
    addressType: 'IPv4',
    ports: [{ name: 'http', port: 8080 }],
    endpoints,
  }
}

/** A headless Service in `shop`; its port is `http`. */
export function headless(name: string): ApiObject {
  return service(name, 'None')
}

/** The same in the older form: the Endpoints of a Service in `shop`. */
export function endpoints(of: string, addresses: readonly string[]): ApiObject {
  return {
    apiVersion: 'v1',
    kind: 'Endpoints',
    metadata: { namespace: 'shop', name: of },
    subsets: [
      {
        addresses: addresses.map((text) => {
          const [nodeName, ip] = text.split('/')
          return { ip, nodeName }
        }),
        ports: [{ name: 'http', port: 8080 }],
      },
    ],
  }
}

export function node(name: string, labels: Readonly<Record<string, string>> = {}): ApiObject {
  return { apiVersion: 'v1', kind: 'Node', metadata: { name, labels } }
}
