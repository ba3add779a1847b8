import { once } from 'node:events'
import { createServer, type Server, type Socket } from 'node:net'
import type { Dialer, Endpoint, NodeName, Service } from '@edgeway/core'
import {
  FakeEndpointHealth,
  FakeNodeDirectory,
  FakeServiceDirectory,
  MemoryLogger,
  MemoryMetrics,
  serviceOf,
} from '@edgeway/testbed'
import type { RequestRecord } from '../../../account/request-journal.ts'
import { requestMetrics } from '../../../account/request-metrics.ts'
import { balancerFor } from '../../../balance/balancer-for.ts'
import { EndpointLoads } from '../../../balance/endpoint-loads.ts'
import { EndpointPicker } from '../../../balance/endpoint-picker.ts'
import { AbandonedDials } from '../../../dial/abandoned-dials.ts'
import { DirectDialer } from '../../../dial/direct-dialer.ts'
import type { OpenFlow } from '../../../open-flows.ts'
import { SYSTEM_TIMERS, type Timers } from '../../../timers.ts'
import type { HttpClient } from '../../http-client.ts'
import { RequestRoutes } from '../../policy/request-routes.ts'
import { UpstreamDialer } from '../../upstream-dialer.ts'
import { type Http2Deps, Http2Flow, type Http2Options } from '../http2-flow.ts'
import { UpstreamSessions } from '../upstream-sessions.ts'

export interface Http2LabOptions {
  readonly endpoints?: readonly Endpoint[]
  readonly service?: Partial<Service>
  readonly dialer?: Dialer
  readonly timers?: Timers
  readonly options?: Partial<Http2Options>
  /** Makes a flow of an accepted connection; HTTP/2 with prior knowledge unless given. */
  readonly flowOf?: (client: HttpClient, deps: Http2Deps) => OpenFlow
}

const SERVICE = serviceOf('shop/api:grpc', '10.96.0.1', 80)

/** A listener on loopback whose connections are HTTP/2 of one Service, with endpoints that really listen. */
export class Http2Lab implements AsyncDisposable {
  readonly services = new FakeServiceDirectory()
  readonly records: RequestRecord[] = []
  readonly logger = new MemoryLogger()
  /** In words, e.g. `failed reset`, of endpoints. */
  readonly heard: string[] = []
  readonly flows = new Set<Http2Flow | OpenFlow>()
  /** Of clients, as the listener has them. */
  readonly sockets = new Set<Socket>()
  readonly sessions: UpstreamSessions
  readonly #deps: Http2Deps
  readonly server: Server
  readonly #flowOf: (client: HttpClient, deps: Http2Deps) => OpenFlow
  #waiting: (() => void)[] = []

  private constructor(server: Server, options: Http2LabOptions) {
    const { timers = SYSTEM_TIMERS, dialer = new DirectDialer('local') } = options
    this.server = server
    this.#flowOf = options.flowOf ?? ((client, deps) => new Http2Flow(client, deps))
    this.set(options.service ?? {}, options.endpoints)
    const feedback = this.#feedback()
    const upstream = new UpstreamDialer(
      { dialTimeoutMs: 5_000, dialBudgetMs: 15_000 },
      { dialer, abandoned: new AbandonedDials(), feedback },
    )
    this.sessions = new UpstreamSessions(
      { upstreamIdleTimeoutMs: 60_000 },
      { dialer: upstream, timers, services: this.services },
    )
    this.#deps = {
      options: { clientIdleTimeoutMs: 3_600_000, headTimeoutMs: 10_000, ...options.options },
      routes: this.#routes(feedback),
      sessions: this.sessions,
      journal: { end: (record) => this.#noted(record) },
      logger: this.logger,
      timers,
    }
    server.on('connection', (socket: Socket) => this.#accept(socket))
  }

  static async start(options: Http2LabOptions): Promise<Http2Lab> {
    const server = createServer({ allowHalfOpen: true, noDelay: true })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    return new Http2Lab(server, options)
  }

  /** The Service as it is from here on. */
  set(wishes: Partial<Service>, endpoints?: readonly Endpoint[]): void {
    this.services.set({ ...SERVICE, ...wishes }, endpoints)
  }

  get port(): number {
    const address = this.server.address()
    if (address === null || typeof address === 'string') throw new Error('the lab does not listen')
    return address.port
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`
  }

  /** So many requests have ended. */
  async ended(count: number): Promise<readonly RequestRecord[]> {
    while (this.records.length < count) await new Promise<void>((resolve) => this.#waiting.push(resolve))
    return this.records
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.server.close()
    for (const flow of this.flows) flow.cut()
    for (const socket of this.sockets) socket.destroy()
    await this.sessions[Symbol.asyncDispose]()
  }

  #noted(record: RequestRecord): void {
    this.records.push(record)
    const waiting = this.#waiting
    this.#waiting = []
    for (const resolve of waiting) resolve()
  }

  #accept(socket: Socket): void {
    this.sockets.add(socket)
    socket.on('close', () => this.sockets.delete(socket))
    socket.on('error', () => {})
    // As a listener does that looks at the first bytes.
    socket.once('readable', () => {
      const bytes: unknown = socket.read()
      if (!Buffer.isBuffer(bytes)) return void socket.destroy()
      socket.unshift(bytes)
      const [servicePort] = SERVICE.ports
      if (servicePort === undefined) throw new Error('the Service has a port')
      const { remoteAddress: ip = '', remotePort: port = 0 } = socket
      const called = { servicePort, scope: 'internal', destination: { ip: '10.96.0.1', port: 80 } } as const
      const flow = this.#flowOf({ socket, called, service: SERVICE, source: { ip, port } }, this.#deps)
      this.flows.add(flow)
      void flow.ended.then(() => this.flows.delete(flow))
    })
  }

  #feedback(): ConstructorParameters<typeof RequestRoutes>[1]['feedback'] &
    ConstructorParameters<typeof UpstreamDialer>[1]['feedback'] {
    return {
      opened: () => {},
      closed: () => {},
      answered: () => {},
      connected: () => void this.heard.push('connected'),
      failed: (_service, _endpoint, failure) => void this.heard.push(`failed ${failure}`),
    }
  }

  #routes(feedback: ConstructorParameters<typeof RequestRoutes>[1]['feedback']): RequestRoutes {
    const { services } = this
    const time = { now: () => performance.now(), random: Math.random }
    const picker = new EndpointPicker({
      ...{ services, health: new FakeEndpointHealth(), loads: new EndpointLoads(services, time.now) },
      viewpoint: { nodeName: 'edge-1' as NodeName, nodes: new FakeNodeDirectory() },
      balancerFor: (policy) => balancerFor(policy, time),
    })
    const { retries } = requestMetrics(new MemoryMetrics())
    const statuses = { responded: () => {} }
    return new RequestRoutes(
      { dialBudgetMs: 15_000 },
      { services, picker, feedback, statuses, retries, ...time },
    )
  }
}
