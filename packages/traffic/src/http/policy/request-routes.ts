import type { Service, ServiceDirectory, ServicePort, ServicePortName, TrafficScope } from '@edgeway/core'
import type { CalledPort } from '../../listen/interceptor.ts'
import { type PortRoutes, ServicePortRoutes } from './port-routes.ts'
import { PortState } from './port-state.ts'
import type { RouteDeps, RouteOptions } from './route-terms.ts'

export interface RequestRoutesDeps extends RouteDeps {
  readonly services: Pick<ServiceDirectory, 'servicePort' | 'serviceOf' | 'watch'>
}

type Scopes = Partial<Record<TrafficScope, ServicePortRoutes>>

/** Finds endpoints for HTTP requests, one by one, by the policies of their Services. */
export class RequestRoutes implements Disposable {
  readonly #options: RouteOptions
  readonly #deps: RequestRoutesDeps
  readonly #ports = new Map<ServicePortName, Scopes>()
  readonly #subscription: Disposable

  constructor(options: RouteOptions, deps: RequestRoutesDeps) {
    this.#options = options
    this.#deps = deps
    this.#subscription = deps.services.watch((changed) => this.#changed(changed))
  }

  /**
   * To be asked for each request: what it answers goes by the Service as it is now, while counts and the retry budget go on
   * from one state of the Service to the next.
   */
  of({ servicePort, scope }: Pick<CalledPort, 'servicePort' | 'scope'>): PortRoutes {
    const service = this.#deps.services.serviceOf(servicePort.name)
    const scopes = this.#ports.get(servicePort.name)
    const known = scopes?.[scope]
    if (known !== undefined && known.service === service) return known
    if (service === undefined) return this.#routes({ servicePort, scope, service: departed(servicePort) })
    const routes = this.#routes({ servicePort, scope, service }, known?.state)
    this.#ports.set(servicePort.name, { ...scopes, [scope]: routes })
    return routes
  }

  [Symbol.dispose](): void {
    this.#subscription[Symbol.dispose]()
  }

  #routes(
    port: Readonly<{ servicePort: ServicePort; scope: TrafficScope; service: Service }>,
    state = new PortState(),
  ): ServicePortRoutes {
    return new ServicePortRoutes({ ...port, state }, this.#options, this.#deps)
  }

  /** Its endpoints may be other ones than those that have answered. */
  #changed(name: ServicePortName): void {
    for (const routes of Object.values(this.#ports.get(name) ?? {})) routes.hasAnswered = false
    if (this.#deps.services.servicePort(name) === undefined) this.#ports.delete(name)
  }
}

/** In place of a Service that has gone while connections to it are open: without wishes, as it is without endpoints. */
function departed(servicePort: ServicePort): Service {
  const [namespace = '', name = ''] = servicePort.name.split(/[/:]/)
  return {
    namespace,
    name,
    type: 'ClusterIP',
    clusterIps: servicePort.clusterIps,
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
