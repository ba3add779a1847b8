import {
  type Endpoint,
  type EndpointAddress,
  formatServicePortName,
  type Node,
  type NodeName,
  type Service,
  type ServicePort,
} from '@edgeway/core'

/**
 * Endpoints from `ip:port` or `node/ip:port` (IPv4), ready, TCP, e.g. `endpointsOf('edge-1/10.1.0.1:80')`.
 *
 * @throws {Error} when a text is not of that form
 */
export function endpointsOf(...texts: readonly string[]): Endpoint[] {
  return texts.map((text) => {
    const match = /^(?:([^/]+)\/)?([\d.]+):(\d+)$/.exec(text)
    if (match === null) throw new Error(`not an endpoint: ${text}`)
    const [, node, ip = '', port] = match
    return endpointAt({ node: node as NodeName | undefined, ip, port: Number(port), protocol: 'TCP' })
  })
}

/** An Endpoint there, ready, of no pod. */
export function endpointAt(address: EndpointAddress): Endpoint {
  return {
    ...address,
    ready: true,
    serving: true,
    terminating: false,
    zone: undefined,
    forZones: [],
    hostname: undefined,
    pod: undefined,
  }
}

/** A ClusterIP Service with one TCP port, from `namespace/name:port`, e.g. `serviceOf('shop/web:http', '10.96.0.1', 80)`. */
export function serviceOf(text: string, clusterIp: string, port: number): Service {
  const match = /^([^/]+)\/([^:]+)(?::(.+))?$/.exec(text)
  if (match === null) throw new Error(`not a ServicePort name: ${text}`)
  const [, namespace = '', name = '', portName = ''] = match
  const servicePort: ServicePort = {
    name: formatServicePortName(namespace, name, portName),
    protocol: 'TCP',
    port,
    clusterIps: [clusterIp],
    externalIps: [],
    nodePort: undefined,
    appProtocol: undefined,
    proxied: true,
  }
  return {
    namespace,
    name,
    type: 'ClusterIP',
    clusterIps: [clusterIp],
    headless: false,
    externalName: undefined,
    ports: [servicePort],
    clientIpAffinitySeconds: undefined,
    internalTrafficPolicy: 'Cluster',
    externalTrafficPolicy: 'Cluster',
    trafficDistribution: undefined,
    publishNotReadyAddresses: false,
    destinationPolicy: undefined,
    annotations: {},
  }
}

/** A Node without addresses, e.g. `nodeOf('edge-1', { routedNetwork: 'factory' })`. */
export function nodeOf(
  name: string,
  { labels = {}, routedNetwork }: Partial<Pick<Node, 'labels' | 'routedNetwork'>> = {},
): Node {
  return { name: name as NodeName, labels, addresses: [], routedNetwork }
}
