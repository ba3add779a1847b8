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

/** Versions of networking.istio.io, the newest first. */
export type IstioVersion = 'v1' | 'v1beta1' | 'v1alpha3'

/** What makes a cluster have Istio's DestinationRules; it lets everything into them, as no schema of Istio's does. */
export function destinationRuleDefinition(...served: readonly IstioVersion[]): ApiObject {
  const versions: readonly IstioVersion[] = served.length > 0 ? served : ['v1', 'v1beta1', 'v1alpha3']
  const spec = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true }
  const schema = { openAPIV3Schema: { type: 'object', properties: { spec } } }
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: 'destinationrules.networking.istio.io' },
    spec: {
      group: 'networking.istio.io',
      scope: 'Namespaced',
      names: {
        kind: 'DestinationRule',
        listKind: 'DestinationRuleList',
        plural: 'destinationrules',
        singular: 'destinationrule',
        shortNames: ['dr'],
      },
      versions: versions.map((name, index) => ({ name, served: true, storage: index === 0, schema })),
    },
  }
}

export interface DestinationRuleSpec {
  readonly namespace: string
  readonly name: string
  /** Without: the rule's name. */
  readonly host?: string
  /** As in Istio's API, e.g. `{ loadBalancer: { simple: 'RANDOM' } }`. */
  readonly trafficPolicy?: unknown
  /** Of `spec`, besides. */
  readonly others?: Readonly<Record<string, unknown>>
  /** Without: `v1`. */
  readonly version?: IstioVersion
}

/** A DestinationRule; its kind is there once `destinationRuleDefinition` was applied. */
export function destinationRuleObject(rule: DestinationRuleSpec): ApiObject {
  const { namespace, name, host = name, trafficPolicy, others = {}, version = 'v1' } = rule
  const policy = trafficPolicy === undefined ? {} : { trafficPolicy }
  return {
    apiVersion: `networking.istio.io/${version}`,
    kind: 'DestinationRule',
    metadata: { namespace, name },
    spec: { host, ...policy, ...others },
  }
}
