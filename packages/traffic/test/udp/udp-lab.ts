import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import type {
  Dialer,
  Endpoint,
  EndpointAddress,
  IpFamily,
  ListenerAddress,
  NodeName,
  Service,
  ServicePort,
  ServicePortName,
} from '@edgeway/core'
import {
  endpointAt,
  FakeComponentDeps,
  FakeDialer,
  FakeNodeDirectory,
  FakeServiceDirectory,
  serviceOf,
} from '@edgeway/testbed'
import type { Call } from '../../src/balance/endpoint-picker.ts'
import type { EndpointFailure, EndpointReports } from '../../src/balance/endpoint-reports.ts'
import { SYSTEM_TIMERS, type Timers } from '../../src/timers.ts'
import type { SessionRecord } from '../../src/udp/session-record.ts'
import { UdpForwarder, type UdpForwarderOptions } from '../../src/udp/udp-forwarder.ts'
import { DEFAULT_UDP_OPTIONS } from '../../src/udp/udp-options.ts'
import { eventually } from './eventually.ts'

export const NODE = 'edge-1' as NodeName

const LOOPBACK: Record<IpFamily, string> = { IPv4: '127.0.0.1', IPv6: '::1' }

/** Remembers what sessions say of endpoints, one line for each: `opened 127.0.0.1:80`. */
class RecordedReports implements EndpointReports {
  readonly lines: string[] = []
  open = 0

  opened(): void {
    this.open++
  }

  closed(): void {
    this.open--
  }

  connected(_service: ServicePortName, { port }: EndpointAddress): void {
    this.lines.push(`connected ${port}`)
  }

  failed(_service: ServicePortName, { port }: EndpointAddress, failure: EndpointFailure): void {
    this.lines.push(`failed ${port} ${failure}`)
  }
}

export interface UdpLabOptions extends Partial<UdpForwarderOptions> {
  readonly timers?: Timers
  readonly dialer?: Dialer
}

/** A UdpForwarder on loopback. Sessions try a ServicePort's endpoints in the order in which the directory lists them. */
export class UdpLab implements AsyncDisposable {
  readonly services = new FakeServiceDirectory()
  readonly deps = new FakeComponentDeps()
  readonly reports = new RecordedReports()
  readonly records: SessionRecord[] = []
  readonly calls: Call[] = []
  readonly dialer = new FakeDialer()
  #forwarder: UdpForwarder | undefined

  static async start({ timers, dialer, ...options }: UdpLabOptions = {}): Promise<UdpLab> {
    const lab = new UdpLab()
    const defaults = {
      ...DEFAULT_UDP_OPTIONS,
      holdBackMs: 3_600_000,
      dialTimeoutMs: 5_000,
      dialBudgetMs: 15_000,
    }
    lab.#forwarder = await UdpForwarder.start(
      { ...defaults, addresses: LOOPBACK, ...options },
      {
        ...lab.deps,
        services: lab.services,
        viewpoint: { nodeName: NODE, nodes: new FakeNodeDirectory() },
        picker: {
          *order(call) {
            lab.calls.push(call)
            yield* lab.services.endpoints(call.servicePort)
          },
        },
        dialer: dialer ?? lab.dialer,
        reports: lab.reports,
        record: (record) => void lab.records.push(record),
        timers: timers ?? SYSTEM_TIMERS,
      },
    )
    return lab
  }

  get forwarder(): UdpForwarder {
    if (this.#forwarder === undefined) throw new Error('the lab was not started')
    return this.#forwarder
  }

  /** Adds a Service with one UDP port, and waits for its listener. */
  async addService(
    endpoints: readonly Endpoint[],
    port: Partial<ServicePort> = {},
  ): Promise<ListenerAddress> {
    const service = udpService(port)
    this.services.set(service, endpoints)
    return await this.listener(service)
  }

  listener(service: Service, family: IpFamily = 'IPv4'): Promise<ListenerAddress> {
    const [port] = service.ports
    if (port === undefined) throw new Error('the Service has no port')
    return eventually(() => this.forwarder.listeners.listener(port.name, family))
  }

  dropped(reason: string): number {
    return this.deps.metrics.value('edgeway_traffic_udp_drops_total', { direction: 'outbound', reason })
  }

  /** Lets go of what was recorded so far. */
  forget(): void {
    for (const recorded of [this.records, this.calls, this.reports.lines]) recorded.length = 0
  }

  get activeSessions(): number {
    return this.deps.metrics.value('edgeway_traffic_active_udp_sessions')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#forwarder?.[Symbol.asyncDispose]()
  }
}

export function udpService(port: Partial<ServicePort> = {}): Service {
  const plain = serviceOf('shop/meter:udp', '10.96.0.9', 9_000)
  return { ...plain, ports: plain.ports.map((one) => ({ ...one, protocol: 'UDP', ...port })) }
}

/** A UDP socket that keeps what it gets. */
export class Talker implements AsyncDisposable {
  readonly socket: Socket
  readonly heard: Buffer[] = []
  /** By which address and port it was heard. */
  readonly from: ListenerAddress[] = []
  readonly errors: (string | undefined)[] = []
  #isClosed = false

  private constructor(socket: Socket) {
    this.socket = socket
    socket.on('message', (datagram, { address: ip, port }) => {
      this.heard.push(datagram)
      this.from.push({ ip, port })
    })
    socket.on('error', (error: NodeJS.ErrnoException) => void this.errors.push(error.code))
  }

  static async bind(ip = '127.0.0.1'): Promise<Talker> {
    const socket = createSocket({ type: ip.includes(':') ? 'udp6' : 'udp4', recvBufferSize: 1 << 20 })
    socket.bind(0, ip)
    await once(socket, 'listening')
    return new Talker(socket)
  }

  get address(): ListenerAddress {
    const { address: ip, port } = this.socket.address()
    return { ip, port }
  }

  /** From then on it is told when nobody listens there. */
  async connect({ ip, port }: ListenerAddress): Promise<void> {
    const connected = once(this.socket, 'connect')
    this.socket.connect(port, ip)
    await connected
  }

  send(datagram: string | Buffer, { ip, port }: ListenerAddress): void {
    this.socket.send(datagram, port, ip)
  }

  /** What it has heard as text, once there is so much. */
  async hears(count: number): Promise<string[]> {
    return await eventually(() => (this.heard.length >= count ? this.heard.map(String) : undefined))
  }

  forget(): void {
    this.heard.length = 0
    this.from.length = 0
  }

  /** Sends and waits for one more datagram. */
  async ask(question: string | Buffer, to: ListenerAddress): Promise<Buffer> {
    const next = once(this.socket, 'message')
    this.send(question, to)
    const [answer] = await next
    return answer
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    const closed = once(this.socket, 'close')
    this.socket.close()
    await closed
  }
}

/** A UDP server on loopback and the Endpoint that a directory would list. */
export class UdpEndpoint implements AsyncDisposable {
  readonly talker: Talker
  readonly endpoint: Endpoint

  private constructor(talker: Talker) {
    this.talker = talker
    this.endpoint = udpEndpointAt(talker.address)
  }

  /** @param answer - what it says to each datagram; nothing unless given */
  static async start(answer?: (datagram: Buffer) => string | Buffer, ip?: string): Promise<UdpEndpoint> {
    const talker = await Talker.bind(ip)
    if (answer !== undefined)
      talker.socket.on('message', (datagram, { address: ip, port }) =>
        talker.send(answer(datagram), { ip, port }),
      )
    return new UdpEndpoint(talker)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.talker[Symbol.asyncDispose]()
  }
}

export const echo = (datagram: Buffer): Buffer => datagram

export function udpEndpointAt({ ip, port }: ListenerAddress, node: NodeName = NODE): Endpoint {
  return endpointAt({ node, ip, port, protocol: 'UDP' })
}

/** On a node that only the tunnel reaches. */
export function farEndpoint(port: number): Endpoint {
  return udpEndpointAt({ ip: '10.1.0.1', port }, 'edge-2' as NodeName)
}

/** Where nobody listens. */
export async function closedEndpoint(ip?: string): Promise<Endpoint> {
  await using gone = await Talker.bind(ip)
  return udpEndpointAt(gone.address)
}
