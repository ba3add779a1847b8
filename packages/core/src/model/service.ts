import type { DestinationPolicy } from './destination-policy.ts'
import type { Protocol } from './protocol.ts'

declare const servicePortName: unique symbol

/**
 * Names one port of one Service in the whole cluster: `namespace/service:port`, or `namespace/service` for the
 * unnamed port of a Service with only one. Unique, since Kubernetes demands distinct port names within a Service.
 */
export type ServicePortName = string & { readonly [servicePortName]: true }

/** @param port - the port's name, empty for an unnamed one */
export function formatServicePortName(namespace: string, service: string, port: string): ServicePortName {
  const name = port === '' ? `${namespace}/${service}` : `${namespace}/${service}:${port}`
  return name as ServicePortName
}

/** Parts the two in names of virtual ServicePorts; Kubernetes has it in no name of its own. */
const VIRTUAL_MARK = '@'

/**
 * Names the virtual ServicePort by which one endpoint of a headless Service is called: `namespace/service:port@endpoint`.
 *
 * @param endpoint - what it is called within the Service, e.g. its host name
 */
export function formatVirtualServicePortName(port: ServicePortName, endpoint: string): ServicePortName {
  return `${port}${VIRTUAL_MARK}${endpoint}` as ServicePortName
}

/** The ServicePort of the cluster that a virtual one is of; any other is its own. */
export function clusterServicePortName(name: ServicePortName): ServicePortName {
  const mark = name.indexOf(VIRTUAL_MARK)
  return (mark === -1 ? name : name.slice(0, mark)) as ServicePortName
}

/** What a client connects to: one port of a Service, at each of the Service's addresses. */
export interface ServicePort {
  readonly name: ServicePortName
  readonly protocol: Protocol
  readonly port: number
  /** Canonical text, IPv4 or IPv6; empty for a headless Service. */
  readonly clusterIps: readonly string[]
  /** Those of `externalIPs` and of its load balancer, canonical; the latter without those that are the balancer's own. */
  readonly externalIps: readonly string[]
  /** The port at each node's own addresses; `undefined` where there is none. */
  readonly nodePort: number | undefined
  /** `appProtocol`, e.g. `kubernetes.io/h2c` (KEP-1422, KEP-3726). */
  readonly appProtocol: string | undefined
  /** False for a Service that is left to another proxy: its name resolves, its traffic is not touched. */
  readonly proxied: boolean
}

/** Whether traffic goes to the endpoints of all nodes, or of the client's (KEP-2086). */
export type TrafficPolicy = 'Cluster' | 'Local'

/** A Service of the cluster, without what only its controller needs. */
export interface Service {
  readonly namespace: string
  readonly name: string
  readonly type: 'ClusterIP' | 'NodePort' | 'LoadBalancer' | 'ExternalName'
  /** Canonical text, IPv4 or IPv6; empty for headless and ExternalName Services, and before one was given. */
  readonly clusterIps: readonly string[]
  /** It has none of its own: its name stands for its endpoints. */
  readonly headless: boolean
  /** The name that it stands for; of ExternalName Services only. */
  readonly externalName: string | undefined
  readonly ports: readonly ServicePort[]
  /** How long a client stays with its endpoint after its last connection; `undefined`: not at all. */
  readonly clientIpAffinitySeconds: number | undefined
  readonly internalTrafficPolicy: TrafficPolicy
  readonly externalTrafficPolicy: TrafficPolicy
  /** `PreferSameZone`, `PreferSameNode` or another wish of KEP-4444 and KEP-3015, as it is written. */
  readonly trafficDistribution: string | undefined
  /** Its names stand for endpoints that are not ready, too. */
  readonly publishNotReadyAddresses: boolean
  /** Of the DestinationRule that is for it; `undefined` where there is none. */
  readonly destinationPolicy: DestinationPolicy | undefined
  /** Only those that the mesh understands: of `edgeway.io`, KubeEdge's and Kubernetes' for traffic. */
  readonly annotations: Readonly<Record<string, string>>
}
