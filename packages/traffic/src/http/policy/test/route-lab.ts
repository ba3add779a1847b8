import {
  type ConnectionPool,
  type Endpoint,
  type EndpointAddress,
  formatEndpoint,
  type HttpConnectionPool,
  NO_CONNECTION_POOL,
  NO_HTTP_POOL,
  type NodeName,
  type Service,
} from '@edgeway/core'
import {
  endpointsOf,
  FakeEndpointHealth,
  FakeNodeDirectory,
  FakeServiceDirectory,
  MemoryMetrics,
  serviceOf,
} from '@edgeway/testbed'
import { requestMetrics } from '../../../account/request-metrics.ts'
import { balancerFor } from '../../../balance/balancer-for.ts'
import { EndpointLoads } from '../../../balance/endpoint-loads.ts'
import { EndpointPicker } from '../../../balance/endpoint-picker.ts'
import { seededRandom } from '../../../balance/test/candidates.ts'
import { EndpointFeedback } from '../../../endpoint-feedback.ts'
import { trafficMetrics } from '../../../metrics.ts'
import type { PortRoutes } from '../port-routes.ts'
import type { RequestFacts, RequestRoute, TryFailure } from '../request-route.ts'
import { RequestRoutes } from '../request-routes.ts'

/** What a Service has that a DestinationRule limits so. */
export function limited(http: Partial<HttpConnectionPool>): Pick<Service, 'destinationPolicy'> {
  const connectionPool: ConnectionPool = { ...NO_CONNECTION_POOL, http: { ...NO_HTTP_POOL, ...http } }
  return { destinationPolicy: { balancing: undefined, connectionPool, outlierDetection: undefined } }
}

/** Facts of a GET without fields, unless given otherwise; names of fields in lower case. */
export function factsOf({
  fields = {},
  ...facts
}: Partial<RequestFacts> & { readonly fields?: Readonly<Record<string, string>> } = {}): RequestFacts {
  return { method: 'GET', path: '/', clientIp: '10.1.0.9', field: (name) => fields[name], ...facts }
}

/** Fails as long as it may be tried again, and says how often it was tried. */
export function failAll(route: RequestRoute, failure: TryFailure): number {
  while (route.next() !== undefined && route.failed(failure, { isReplayable: true }));
  return route.attempts
}

/** Routes of one ServicePort with endpoints `0`, `1`, ..., whose feedback is written down. */
export class RouteLab {
  readonly services = new FakeServiceDirectory()
  readonly health = new FakeEndpointHealth()
  readonly metrics = new MemoryMetrics()
  readonly routes: RequestRoutes
  readonly loads: EndpointLoads
  /** In words, e.g. `opened 1`, `failed 0 reset`, `status 0 503`. */
  readonly heard: string[] = []
  readonly all: readonly Endpoint[]
  /** Milliseconds. */
  now = 0
  readonly #service = serviceOf('shop/web:http', '10.96.0.1', 80)

  constructor(endpointCount = 3, seed = 1) {
    this.all = endpointsOf(...Array.from({ length: endpointCount }, (_, n) => `edge-1/10.1.0.${n}:80`))
    const { services, health } = this
    const deps = { now: () => this.now, random: seededRandom(seed) }
    this.loads = new EndpointLoads(services, deps.now)
    const picker = new EndpointPicker({
      ...{ services, health, loads: this.loads },
      viewpoint: { nodeName: 'edge-1' as NodeName, nodes: new FakeNodeDirectory() },
      balancerFor: (policy) => balancerFor(policy, deps),
    })
    const { retries } = requestMetrics(this.metrics)
    this.routes = new RequestRoutes(
      { dialBudgetMs: 15_000 },
      { services, picker, feedback: this.#feedback(), statuses: this.#statuses(), retries, ...deps },
    )
    this.set({})
  }

  /** The Service, with all endpoints unless given otherwise. */
  set(wishes: Partial<Service>, endpoints = this.all): void {
    this.services.set({ ...this.#service, ...wishes }, endpoints)
  }

  /** It goes away. */
  delete(): void {
    this.services.delete(this.#service.namespace, this.#service.name)
  }

  of(scope: 'internal' | 'external' = 'internal'): PortRoutes {
    const [servicePort] = this.#service.ports
    if (servicePort === undefined) throw new Error('no port')
    return this.routes.of({ servicePort, scope })
  }

  /** @throws {Error} when it is over the limit */
  begin(facts?: Parameters<typeof factsOf>[0]): RequestRoute {
    const route = this.of().begin(factsOf(facts))
    if (route === 'over-limit') throw new Error('over the limit')
    return route
  }

  /** Of which endpoint, of those that there may be. */
  numberOf(endpoint: EndpointAddress | undefined): number {
    if (endpoint === undefined) return -1
    return this.all.map(formatEndpoint).indexOf(formatEndpoint(endpoint))
  }

  /** Where a request goes that succeeds. */
  serve(facts?: Parameters<typeof factsOf>[0]): number {
    const route = this.begin(facts)
    const endpoint = route.next()
    route.responded(200)
    route.end()
    return this.numberOf(endpoint)
  }

  retriesAfter(reason: string): number {
    return this.metrics.value('edgeway_traffic_request_retries_total', { reason })
  }

  openAt(endpoint: Endpoint | undefined): number {
    if (endpoint === undefined) return 0
    return this.loads.loadOf(this.of().name, formatEndpoint(endpoint))?.openFlows ?? 0
  }

  #feedback(): ConstructorParameters<typeof RequestRoutes>[1]['feedback'] {
    const ignore = (): void => {}
    const real = new EndpointFeedback({
      loads: this.loads,
      health: { failed: ignore, connected: ignore, answered: ignore },
      failures: trafficMetrics(new MemoryMetrics()).dialFailures,
    })
    const write = (word: string, endpoint: EndpointAddress, more = ''): void =>
      void this.heard.push(`${word} ${this.numberOf(endpoint)}${more}`)
    return {
      opened: (service, endpoint) => {
        real.opened(service, endpoint)
        write('opened', endpoint)
      },
      closed: (service, endpoint) => {
        real.closed(service, endpoint)
        write('closed', endpoint)
      },
      answered: (service, endpoint, afterMs) => {
        real.answered(service, endpoint, afterMs)
        write('answered', endpoint, afterMs === undefined ? '' : ` after ${afterMs}`)
      },
      failed: (service, endpoint, failure) => {
        real.failed(service, endpoint, failure)
        write('failed', endpoint, ` ${failure}`)
      },
    }
  }

  #statuses(): ConstructorParameters<typeof RequestRoutes>[1]['statuses'] {
    return {
      responded: (_service, endpoint, status) =>
        void this.heard.push(`status ${this.numberOf(endpoint)} ${status}`),
    }
  }
}
