import type { ListenerAddress, NodeName } from '@edgeway/core'
import {
  endpointsOf,
  FakeComponentDeps,
  FakeNodeDirectory,
  FakeServiceDirectory,
  serviceOf,
} from '@edgeway/testbed'
import { DEFAULT_TRAFFIC_OPTIONS, DirectDialer, Traffic } from '../../../../src/index.ts'
import type { Place } from './call.ts'

const ANNOTATIONS = {
  'edgeway.io/topology': 'any',
  'edgeway.io/forwarding': 'l7',
  'edgeway.io/forwarded-headers': 'off',
}

/** A Traffic with a Service for each of those endpoints; who calls from a Service's own address calls that one. */
export class Edgeway implements AsyncDisposable {
  readonly #traffic: Traffic
  readonly #listener: ListenerAddress
  readonly #lastDigits: ReadonlyMap<number, number>

  private constructor(traffic: Traffic, listener: ListenerAddress, lastDigits: ReadonlyMap<number, number>) {
    this.#traffic = traffic
    this.#listener = listener
    this.#lastDigits = lastDigits
  }

  static async start(ports: readonly number[]): Promise<Edgeway> {
    const lastDigits = new Map(ports.map((port, index) => [port, index + 1]))
    const services = new FakeServiceDirectory()
    for (const [port, digit] of lastDigits) {
      const service = serviceOf(`shop/web-${port}:http`, `10.96.0.${digit}`, 80)
      services.set({ ...service, annotations: ANNOTATIONS }, endpointsOf(`edge-1/127.0.0.1:${port}`))
    }
    const traffic = await Traffic.start(
      { ...DEFAULT_TRAFFIC_OPTIONS, listenPort: 0, idleTimeoutMs: 500 },
      {
        ...new FakeComponentDeps(),
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
    return new Edgeway(traffic, listener, lastDigits)
  }

  /** Where the Service of the endpoint at that port is called. */
  place(port: number): Place {
    return { ...this.#listener, from: `127.0.1.${this.#lastDigits.get(port)}` }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#traffic[Symbol.asyncDispose]()
  }
}

function calledFrom(clientIp: string): ListenerAddress | undefined {
  const [, digit] = /^127\.0\.1\.(\d+)$/.exec(clientIp) ?? []
  return digit === undefined ? undefined : { ip: `10.96.0.${digit}`, port: 80 }
}
