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

/** What a client connects to: one port of a Service, at each of the Service's ClusterIPs. */
export interface ServicePort {
  readonly name: ServicePortName
  readonly protocol: Protocol
  readonly port: number
  /** Canonical text, IPv4 or IPv6; empty for a headless Service. */
  readonly clusterIps: readonly string[]
}

/** A Service of the cluster, without what only its controller needs. */
export interface Service {
  readonly namespace: string
  readonly name: string
  readonly type: 'ClusterIP' | 'NodePort' | 'LoadBalancer' | 'ExternalName'
  /** Canonical text, IPv4 or IPv6; empty for headless and ExternalName Services. */
  readonly clusterIps: readonly string[]
  readonly ports: readonly ServicePort[]
}
