import { setTimeout as delay } from 'node:timers/promises'
import type { ListenerAddress, NodeName } from '@edgeway/core'
import {
  endpointsOf,
  FakeComponentDeps,
  FakeNodeDirectory,
  FakeServiceDirectory,
  serviceOf,
} from '@edgeway/testbed'
import { DEFAULT_TRAFFIC_OPTIONS, DirectDialer, Traffic, type TrafficOptions } from '../../../../src/index.ts'
import type { Place } from './call.ts'

const ANNOTATIONS = {
  'edgeway.io/topology': 'any',
  'edgeway.io/forwarding': 'l7',
  'edgeway.io/forwarded-headers': 'off',
}

/** Heads are written anew each time, both ways. */
const REWRITING = {
  ...ANNOTATIONS,
  'edgeway.io/forwarded-headers': 'both',
  'edgeway.io/hash-cookie': 'sticky; Path=/',
}

/** A port at which an endpoint of a Service of its own listens. */
export interface ServedPort {
  readonly port: number
  /** The Service wishes for what takes changes to heads. */
  readonly rewrites: boolean
}

const DEADLINE_MS = 5_000

/** What clients of the corpus still wait for comes at once, or never. */
const PATIENCE = {
  idleTimeoutMs: 500,
  http: { ...DEFAULT_TRAFFIC_OPTIONS.http, clientIdleTimeoutMs: 1_000, headTimeoutMs: 3_000 },
}

/** A Traffic with a Service for each of those endpoints; who calls from a Service's own address calls that one. */
export class Edgeway implements AsyncDisposable {
  readonly #traffic: Traffic
  readonly #deps: FakeComponentDeps
  readonly #listener: ListenerAddress
  readonly #lastDigits: ReadonlyMap<number, number>

  private constructor(
    { traffic, deps }: { readonly traffic: Traffic; readonly deps: FakeComponentDeps },
    listener: ListenerAddress,
    lastDigits: ReadonlyMap<number, number>,
  ) {
    this.#traffic = traffic
    this.#deps = deps
    this.#listener = listener
    this.#lastDigits = lastDigits
  }

  static async start(
    ports: readonly ServedPort[],
    relayEngine: TrafficOptions['relayEngine'],
  ): Promise<Edgeway> {
    const lastDigits = new Map(ports.map(({ port }, index) => [port, index + 1]))
    const deps = new FakeComponentDeps()
    const services = new FakeServiceDirectory()
    for (const { port, rewrites } of ports) {
      const service = serviceOf(`shop/web-${port}:http`, `10.96.0.${lastDigits.get(port)}`, 80)
      services.set(
        { ...service, annotations: rewrites ? REWRITING : ANNOTATIONS },
        endpointsOf(`edge-1/127.0.0.1:${port}`),
      )
    }
    const traffic = await Traffic.start(
      { ...DEFAULT_TRAFFIC_OPTIONS, ...PATIENCE, listenPort: 0, relayEngine },
      {
        ...deps,
        services,
        nodes: new FakeNodeDirectory(),
        dialer: new DirectDialer('local'),
        nodeName: 'edge-1' as NodeName,
        nodeAddress: '127.0.0.1',
        nodeAddress6: undefined,
        readOriginalDestination: ({ remoteAddress = '' }) => calledFrom(remoteAddress),
      },
    )
    const [first] = services.servicePorts()
    const listener = first && traffic.listeners.listener(first.name, 'IPv4')
    if (listener === undefined) throw new Error('the Traffic does not listen')
    return new Edgeway({ traffic, deps }, listener, lastDigits)
  }

  /** Where the Service of the endpoint at that port is called. */
  place(port: number): Place {
    return { ...this.#listener, from: `127.0.1.${this.#lastDigits.get(port)}` }
  }

  /**
   * To be called once all clients have gone.
   *
   * @throws {Error} when flows are left open, or something failed that must not
   */
  async check(): Promise<void> {
    const { metrics, logger, fatal } = this.#deps
    const open = (): number => metrics.value('edgeway_traffic_active_flows', { direction: 'outbound' })
    for (const deadline = performance.now() + DEADLINE_MS; open() > 0; await delay(10))
      if (performance.now() > deadline) throw new Error(`${open()} flows are still open`)
    const errors = logger.lines.filter(({ level }) => level === 'error')
    if (fatal.length + errors.length > 0) throw new Error(`it failed: ${JSON.stringify([fatal, errors])}`)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#traffic[Symbol.asyncDispose]()
  }
}

function calledFrom(clientIp: string): ListenerAddress | undefined {
  const [, digit] = /^127\.0\.1\.(\d+)$/.exec(clientIp) ?? []
  return digit === undefined ? undefined : { ip: `10.96.0.${digit}`, port: 80 }
}
