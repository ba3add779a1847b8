import type {
  Dialer,
  Endpoint,
  EndpointAddress,
  IpFamily,
  ListenerAddress,
  Service,
  ServicePort,
  ServicePortName,
} from '@edgeway/core'
import {
  FakeComponentDeps,
  FakeDialer,
  FakeNodeDirectory,
  FakeServiceDirectory,
  serviceOf,
} from '@edgeway/testbed'
import type { Call } from '../../src/balance/endpoint-picker.ts'
import type { EndpointFailure, EndpointReports } from '../../src/balance/endpoint-reports.ts'
import { AbandonedDials } from '../../src/dial/abandoned-dials.ts'
import { SYSTEM_TIMERS, type Timers } from '../../src/timers.ts'
import type { SessionRecord } from '../../src/udp/session-record.ts'
import { UdpForwarder, type UdpForwarderOptions } from '../../src/udp/udp-forwarder.ts'
import { DEFAULT_UDP_OPTIONS } from '../../src/udp/udp-options.ts'
import { eventually } from './eventually.ts'
import { NODE } from './udp-endpoint.ts'

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
  readonly abandoned = new AbandonedDials()
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
        abandoned: lab.abandoned,
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
    this.abandoned[Symbol.dispose]()
  }
}

export function udpService(port: Partial<ServicePort> = {}): Service {
  const plain = serviceOf('shop/meter:udp', '10.96.0.9', 9_000)
  return { ...plain, ports: plain.ports.map((one) => ({ ...one, protocol: 'UDP', ...port })) }
}
