import {
  type IpFamily,
  ipFamilyOf,
  type ListenerAddress,
  type ListenerDirectory,
  type ServiceDirectory,
  type ServicePortName,
} from '@edgeway/core'
import type { ClusterDnsOptions } from '../options.ts'

export type ClusterDnsServices = Pick<ServiceDirectory, 'servicePort' | 'watch'>

export interface ClusterDnsDeps {
  readonly services: ClusterDnsServices
  /** Where DNS is answered on this node, at most one of each family. */
  readonly addresses: readonly ListenerAddress[]
}

/** The port of DNS (RFC 1035 section 4.2); such Services have others, too, e.g. for metrics. */
const DNS_PORT = 53

/**
 * The listeners of this node's DNS for the ServicePorts of the cluster's DNS, UDP and TCP; none for any other ServicePort,
 * or where nothing is to be intercepted.
 */
export function clusterDnsListeners(
  { services: names, intercept }: Pick<ClusterDnsOptions, 'services' | 'intercept'>,
  { services, addresses }: ClusterDnsDeps,
): ListenerDirectory {
  const intercepted = new Set(intercept ? names : [])
  const byFamily = new Map<IpFamily, ListenerAddress>(addresses.map((one) => [ipFamilyOf(one.ip), one]))
  const isIntercepted = (name: ServicePortName): boolean => intercepted.has(serviceNameOf(name))
  return {
    listener: (name, family) =>
      isIntercepted(name) && services.servicePort(name)?.port === DNS_PORT ? byFamily.get(family) : undefined,
    watch: (listener) =>
      services.watch((changed) => {
        if (isIntercepted(changed)) listener(changed)
      }),
  }
}

/** `namespace/service`: also of a ServicePort that the directory no longer has. */
function serviceNameOf(name: ServicePortName): string {
  const end = name.indexOf(':')
  return end < 0 ? name : name.slice(0, end)
}
