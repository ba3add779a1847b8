import { once } from 'node:events'
import { connect, type Server, type Socket } from 'node:net'
import type { Dialer, DialTarget, Endpoint, EndpointConnection, Service, ServicePort } from '@edgeway/core'
import { FakeComponentDeps, FakeNodeDirectory, FakeServiceDirectory, serviceOf } from '@edgeway/testbed'
import { FlowJournal } from '../../src/account/flow-journal.ts'
import { AbandonedDials } from '../../src/dial/abandoned-dials.ts'
import { DirectDialer } from '../../src/dial/direct-dialer.ts'
import { EndpointChoice } from '../../src/endpoint-choice.ts'
import { DEFAULT_HEALTH_OPTIONS } from '../../src/health/health-options.ts'
import { listenTcp } from '../../src/listen/tcp-server.ts'
import { trafficMetrics } from '../../src/metrics.ts'
import { type OpenFlow, OpenFlows } from '../../src/open-flows.ts'
import type { Caller } from '../../src/outbound/accepted-client.ts'
import type { HttpForwarder, HttpStart } from '../../src/outbound/http-forwarder.ts'
import { OutboundFlows } from '../../src/outbound/outbound-flows.ts'
import { RelayEngines } from '../../src/relay/relay-engines.ts'
import { SYSTEM_TIMERS } from '../../src/timers.ts'
import { Wires } from '../../src/wire/wires.ts'
import { eventually, NODE } from '../traffic-lab.ts'

export interface OutboundLabOptions {
  /** Of the Service's one port. */
  readonly appProtocol?: string
  readonly annotations?: Readonly<Record<string, string>>
  readonly service?: Partial<Service>
  readonly endpoints?: readonly Endpoint[]
  readonly dialer?: Dialer
  readonly idleTimeoutMs?: number
  /** `stream`: clients are never read below their streams. */
  readonly engine?: 'auto' | 'stream'
}

/** A connection that was found to speak HTTP. */
export interface Served extends HttpStart {
  readonly caller: Caller
}

/** OutboundFlows with one ServicePort, behind a real listener; connections that speak HTTP are handed to the test. */
export class OutboundLab implements AsyncDisposable {
  readonly deps = new FakeComponentDeps()
  readonly services = new FakeServiceDirectory()
  readonly served: Served[] = []
  readonly open = new OpenFlows()
  readonly dialer: CountingDialer
  /** Whether an endpoint has answered a request. */
  hasAnswered = false
  /** Moves the clock of what is remembered. */
  nowMs = 0
  readonly #parts = new AsyncDisposableStack()
  #server: Server | undefined

  private constructor(dialer: Dialer) {
    this.dialer = new CountingDialer(dialer)
  }

  static async start(options: OutboundLabOptions = {}): Promise<OutboundLab> {
    const lab = new OutboundLab(options.dialer ?? new DirectDialer('local'))
    lab.set(options)
    const { deps, services, dialer, open } = lab
    const parts = lab.#parts
    const metrics = trafficMetrics(deps.metrics)
    const { logger } = deps
    const timers = SYSTEM_TIMERS
    const journal = parts.use(
      new FlowJournal({ flowLogSampleRatio: 1 }, { logger, metrics, services, timers }),
    )
    const relay = parts.use(await RelayEngines.start({ engine: 'auto' }, { logger }))
    const nodes = new FakeNodeDirectory()
    const choosing = { ...deps, services, nodes, dialer, nodeName: NODE, failures: metrics.dialFailures }
    const choice = parts.use(EndpointChoice.start({ health: DEFAULT_HEALTH_OPTIONS }, choosing))
    const wires = await Wires.start({ engine: options.engine ?? 'auto' })
    const abandoned = parts.use(new AbandonedDials())
    parts.defer(() => open.drain(0))
    const outbound = new OutboundFlows(
      { dialTimeoutMs: 5_000, dialBudgetMs: 15_000, idleTimeoutMs: options.idleTimeoutMs ?? 0 },
      {
        ...{ ...choice, services, dialer, relay, journal, abandoned, open, wires },
        picker: choice.picker,
        feedback: choice.feedback,
        http: lab.#http(),
        now: () => lab.nowMs,
      },
    )
    lab.#server = await listenTcp(
      { ip: '127.0.0.1', port: 0 },
      { onSocket: (socket) => outbound.accept(socket, lab.#called()), onFatal: () => {} },
    )
    return lab
  }

  /** Adds the Service, or replaces it. */
  set({ appProtocol, annotations = {}, service: wishes = {}, endpoints = [] }: OutboundLabOptions): void {
    const service = serviceOf('shop/web:main', '10.96.0.1', 80)
    const ports = service.ports.map((port) => ({ ...port, appProtocol }))
    this.services.set(
      { ...service, annotations: { 'edgeway.io/topology': 'any', ...annotations }, ...wishes, ports },
      endpoints,
    )
  }

  get port(): ServicePort {
    const [port] = this.services.service('shop', 'web')?.ports ?? []
    if (port === undefined) throw new Error('the Service has one port')
    return port
  }

  /** Where clients connect to. */
  get address(): string {
    const address = this.#server?.address()
    if (typeof address !== 'object' || address === null) throw new Error('the lab was not started')
    return `${address.address}:${address.port}`
  }

  async connect(localAddress = '127.0.0.1'): Promise<Socket> {
    const [host, port] = this.address.split(':')
    const client = connect({ port: Number(port), host, localAddress, allowHalfOpen: true, noDelay: true })
    client.on('error', () => {})
    await once(client, 'connect')
    return client
  }

  /** One after the other, each of which is accepted in that order. */
  async connectMany(count: number): Promise<Socket[]> {
    const clients: Socket[] = []
    while (clients.length < count) clients.push(await this.connect())
    return clients
  }

  /** The connections that speak HTTP, once there are so many. */
  async serving(count = 1): Promise<Served> {
    return await eventually(() => (this.served.length >= count ? this.served[count - 1] : undefined))
  }

  /** Flows that have ended. */
  get flowsSoFar(): number {
    return this.#ended().length
  }

  /** What is told of flows at their end, once there are so many. */
  flowsEnded(count = 1): Promise<Readonly<Record<string, unknown>>[]> {
    return eventually(() => {
      const ended = this.#ended()
      return ended.length >= count ? ended : undefined
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server?.close()
    await this.#parts[Symbol.asyncDispose]()
  }

  #ended(): Readonly<Record<string, unknown>>[] {
    const { lines } = this.deps.logger
    return lines.filter(({ message }) => message === 'flow ended').map(({ fields }) => fields)
  }

  #called() {
    return { servicePort: this.port, scope: 'internal', destination: { ip: '10.96.0.1', port: 80 } } as const
  }

  /** Ends when the client has left. */
  #http(): HttpForwarder {
    return {
      hasAnswered: () => this.hasAnswered,
      serve: (caller, start): OpenFlow => {
        start.wired?.wire.release(start.wired.unread)
        this.served.push({ caller, ...start })
        const { promise, resolve } = Promise.withResolvers<void>()
        caller.client.once('close', () => resolve())
        return { ended: promise, cut: () => void caller.client.destroy() }
      },
    }
  }
}

/** Tells how often it was asked, and how many of its connections are open. */
export class CountingDialer implements Dialer {
  dialled = 0
  readonly connections: EndpointConnection[] = []
  readonly #dialer: Dialer

  constructor(dialer: Dialer) {
    this.#dialer = dialer
  }

  get open(): number {
    return this.connections.filter(({ stream }) => !stream.destroyed).length
  }

  async dial(target: DialTarget, signal: AbortSignal): Promise<EndpointConnection> {
    this.dialled += 1
    const connection = await this.#dialer.dial(target, signal)
    this.connections.push(connection)
    return connection
  }
}
