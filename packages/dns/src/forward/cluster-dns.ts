import type { Logger, Service, ServiceDirectory, ServicePort, ServicePortName } from '@edgeway/core'
import { type Upstream, upstreamAt } from './upstream.ts'

const DNS_PORT = 53

/** Endpoints come and go, and metrics stay. */
const ENDPOINT_LABEL = 'cluster-dns-endpoint'

export type ClusterDnsServices = Pick<ServiceDirectory, 'service' | 'endpoints' | 'watch'>

export interface ClusterDnsDeps {
  readonly services: ClusterDnsServices
  readonly logger: Logger
  /** Whether asking there would be asking ourselves. */
  isOurself(upstream: Upstream): boolean
  /** Gets the upstreams at the start and after each change. */
  onChange(upstreams: readonly Upstream[]): void
}

/**
 * The resolvers behind the cluster's DNS Services: their ClusterIPs, then the addresses of their ready endpoints, which
 * need no kube-proxy. Each once.
 *
 * @param names - `namespace/name` each, in order of preference
 */
export function clusterDnsUpstreams(
  names: readonly string[],
  services: Pick<ClusterDnsServices, 'service' | 'endpoints'>,
): readonly Upstream[] {
  const found = names
    .map((name) => serviceNamed(name, services))
    .filter((service) => service !== undefined)
    .map((service) => ({ service, port: dnsPortOf(service) }))
  const clusterIps = found.flatMap(({ service, port }) =>
    port === undefined ? [] : service.clusterIps.map((ip) => upstreamAt(ip, port.port)),
  )
  const endpoints = found.flatMap(({ port }) => (port === undefined ? [] : endpointsOf(port, services)))
  return [...new Map([...clusterIps, ...endpoints].map((upstream) => [upstream.name, upstream])).values()]
}

/** Follows the cluster's DNS Services in the directory until it is disposed. */
export class ClusterDns implements Disposable {
  readonly #names: readonly string[]
  readonly #deps: ClusterDnsDeps
  readonly #watch: Disposable
  /** As last told, as text. */
  #known: string | undefined

  /** @param names - `namespace/name` each, in order of preference */
  constructor(names: readonly string[], deps: ClusterDnsDeps) {
    this.#names = names
    this.#deps = deps
    this.#refresh()
    this.#watch = deps.services.watch((changed) => {
      if (names.some((name) => isPortOf(changed, name))) this.#refresh()
    })
  }

  [Symbol.dispose](): void {
    this.#watch[Symbol.dispose]()
  }

  #refresh(): void {
    const { services, logger, isOurself, onChange } = this.#deps
    const upstreams = clusterDnsUpstreams(this.#names, services).filter((one) => !isOurself(one))
    const names = upstreams.map(({ name }) => name)
    if (names.join() === this.#known) return
    this.#known = names.join()
    if (names.length === 0)
      logger.warn("the cluster's DNS is not found, its names can not be answered", { services: this.#names })
    else logger.info("resolvers of the cluster's names", { upstreams: names })
    onChange(upstreams)
  }
}

function serviceNamed(text: string, services: Pick<ClusterDnsServices, 'service'>): Service | undefined {
  const [namespace = '', name = ''] = text.split('/')
  return services.service(namespace, name)
}

/** The port for DNS over UDP: the one with its number, else the one named so, whatever its number. */
function dnsPortOf({ namespace, name, ports }: Service): ServicePort | undefined {
  const udp = ports.filter(({ protocol }) => protocol === 'UDP')
  return (
    udp.find(({ port }) => port === DNS_PORT) ?? udp.find((port) => port.name === `${namespace}/${name}:dns`)
  )
}

function endpointsOf({ name }: ServicePort, services: Pick<ClusterDnsServices, 'endpoints'>): Upstream[] {
  return services
    .endpoints(name)
    .filter(({ ready }) => ready)
    .map(({ ip, port }) => upstreamAt(ip, port, ENDPOINT_LABEL))
}

function isPortOf(changed: ServicePortName, service: string): boolean {
  return changed === service || changed.startsWith(`${service}:`)
}
