import { readdirSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import type { Dialer, Endpoint, ListenerAddress, NodeName, Service, ServicePortName } from '@edgeway/core'
import { FakeComponentDeps, FakeNodeDirectory, FakeServiceDirectory, serviceOf } from '@edgeway/testbed'
import { expect } from 'vitest'
import { DEFAULT_TRAFFIC_OPTIONS, DirectDialer, Traffic, type TrafficOptions } from '../src/index.ts'

export const INTERCEPTIONS = ['one listener for all', 'one listener per ServicePort'] as const

const ANYWHERE = { 'edgeway.io/topology': 'any' }

export const NODE = 'edge-1' as NodeName

interface LabOptions extends Partial<TrafficOptions> {
  readonly interception?: (typeof INTERCEPTIONS)[number]
  readonly dialer?: Dialer
  /** The node's own IPv6 addresses, of which one is used at most; loopback, unless given. */
  readonly ipv6?: readonly string[]
  /** In the directory before the start. */
  readonly known?: Service
}

/**
 * A Traffic on loopback with the directory that it follows. Without a kernel that redirects, a client of a
 * ServicePort connects to its listener, from an address by which the stand-in for SO_ORIGINAL_DST knows the ServicePort.
 */
export class TrafficLab implements AsyncDisposable {
  readonly services = new FakeServiceDirectory()
  readonly deps = new FakeComponentDeps()
  readonly #clientIps = new Map<ServicePortName, string>()
  readonly #destinations = new Map<string, ListenerAddress>()
  #traffic: Traffic | undefined

  static async start({
    interception,
    dialer,
    known,
    ipv6 = ['::1'],
    ...options
  }: LabOptions = {}): Promise<TrafficLab> {
    const lab = new TrafficLab()
    if (known !== undefined) lab.services.set(known)
    const originalDestination = interception === 'one listener per ServicePort' ? 'off' : 'auto'
    lab.#traffic = await Traffic.start(
      { ...DEFAULT_TRAFFIC_OPTIONS, listenPort: 0, originalDestination, ...options },
      {
        ...lab.deps,
        services: lab.services,
        nodes: new FakeNodeDirectory(),
        dialer: dialer ?? new DirectDialer('local'),
        nodeName: NODE,
        nodeAddress: '127.0.0.1',
        nodeAddress6: ipv6[0],
        readOriginalDestination: ({ remoteAddress = '' }) => lab.#destinations.get(remoteAddress),
      },
    )
    return lab
  }

  get traffic(): Traffic {
    if (this.#traffic === undefined) throw new Error('the lab was not started')
    return this.#traffic
  }

  /** Adds a Service with one port and those endpoints, which are used wherever they are unless wished otherwise. */
  addService(text: string, endpoints: readonly Endpoint[], wishes: Partial<Service> = {}): ServicePortName {
    const number = this.#clientIps.size + 1
    const service = { ...serviceOf(text, `10.96.0.${number}`, 80), annotations: ANYWHERE, ...wishes }
    const [port] = service.ports
    if (port === undefined) throw new Error('serviceOf makes one port')
    this.#clientIps.set(port.name, `127.0.1.${number}`)
    this.#destinations.set(`127.0.1.${number}`, { ip: `10.96.0.${number}`, port: 80 })
    this.services.set(service, endpoints)
    return port.name
  }

  /** Connects to a ServicePort as one of the node's clients. */
  async connect(name: ServicePortName): Promise<Socket> {
    const listener = await eventually(() => this.traffic.listeners.listener(name, 'IPv4'))
    const localAddress = this.#clientIps.get(name) ?? ''
    return connectTo(listener, localAddress)
  }

  /** Calls a ServicePort, says nothing, and reads the answer to its end. */
  async call(name: ServicePortName): Promise<string> {
    const client = await this.connect(name)
    return await text(client.end())
  }

  /** The fields of the `count` lines that tell how flows ended, once there are so many. */
  flowsEnded(count = 1): Promise<Readonly<Record<string, unknown>>[]> {
    return this.linesOf('flow ended', count)
  }

  /** The fields of the log's lines with that sentence, once there are `count`. */
  linesOf(sentence: string, count: number): Promise<Readonly<Record<string, unknown>>[]> {
    return eventually(() => {
      const lines = this.deps.logger.lines.filter(({ message }) => message === sentence)
      return lines.length >= count ? lines.map(({ fields }) => fields) : undefined
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#traffic?.[Symbol.asyncDispose]()
  }
}

export function connectTo({ ip, port }: ListenerAddress, localAddress = '127.0.0.1'): Socket {
  const client = connect({ host: ip, port, localAddress, allowHalfOpen: true })
  // Tests that care wait for it; to the others a reset must not be fatal.
  client.on('error', () => {})
  return client
}

/** Waits until `look` sees something. */
export async function eventually<T>(look: () => T | undefined): Promise<T> {
  let seen: T | undefined
  await expect.poll(() => (seen = look()), { timeout: 10_000, interval: 5 }).toBeDefined()
  if (seen === undefined) throw new Error('poll returns only once it is defined')
  return seen
}

/** Sockets and files that this process holds open. */
export function openDescriptors(): number {
  return readdirSync('/proc/self/fd').length
}

/** The error that a connection ends with. */
export function failure(socket: Socket): Promise<{ code?: string }> {
  return new Promise((resolve) => socket.resume().on('error', resolve))
}
