import {
  type Component,
  type Dialer,
  type Endpoint,
  formatEndpoint,
  IP_FAMILIES,
  type ListenerDirectory,
  type Logger,
  limitedWarn,
  type Metrics,
  type ServiceDirectory,
  type ServicePort,
  type ServicePortName,
  type Viewpoint,
} from '@edgeway/core'
import type { EndpointsOfCalls } from '../balance/endpoint-picker.ts'
import type { EndpointReports } from '../balance/endpoint-reports.ts'
import type { AbandonedDials } from '../dial/abandoned-dials.ts'
import type { NodeAddresses } from '../listen/interceptor.ts'
import { callableFamilies, ServicePortListeners } from '../listen/service-port-listeners.ts'
import type { Timers } from '../timers.ts'
import { DatagramCounts } from './datagram-counts.ts'
import { DatagramDialer } from './datagram-dialer.ts'
import { DatagramListener, type DatagramListenerDeps } from './datagram-listener.ts'
import { startPortUnreachable } from './port-unreachable.ts'
import { SessionBook } from './session-book.ts'
import type { SessionRecord } from './session-record.ts'
import { type UdpMetrics, udpMetrics } from './udp-metrics.ts'
import type { UdpOptions } from './udp-options.ts'
import { WaitingBytes } from './waiting-datagrams.ts'

export interface UdpForwarderOptions extends UdpOptions {
  /** The node's own addresses, on which redirected datagrams arrive. */
  readonly addresses: NodeAddresses
  /** How long the port of a ServicePort that has gone is given to nobody. */
  readonly holdBackMs: number
  /** For one endpoint that only the tunnel reaches; then the next one is tried. */
  readonly dialTimeoutMs: number
  /** For all endpoints that are tried for one session, together. */
  readonly dialBudgetMs: number
}

export interface UdpForwarderDeps {
  readonly services: Pick<ServiceDirectory, 'servicePorts' | 'servicePort' | 'endpoints' | 'watch'>
  readonly viewpoint: Viewpoint
  readonly picker: EndpointsOfCalls
  /** To endpoints that only the tunnel reaches. */
  readonly dialer: Dialer
  readonly reports: EndpointReports
  readonly abandoned: AbandonedDials
  /** Called at the end of each session. */
  record(record: SessionRecord): void
  readonly timers: Timers
  readonly logger: Logger
  readonly metrics: Metrics
}

/**
 * Forwards datagrams of this node's clients to endpoints of the UDP ServicePorts that they call, one session per client.
 * Which of a ServicePort's addresses was called stays unknown: the internal traffic policy holds for all.
 */
export class UdpForwarder implements Component {
  /** Where the datagrams for UDP ServicePorts are taken. */
  readonly listeners: ListenerDirectory
  /** To UDP endpoints of this node, for flows of other nodes. */
  readonly inbound: Dialer
  readonly #parts: AsyncDisposableStack

  private constructor(
    { listeners, inbound }: Pick<UdpForwarder, 'listeners' | 'inbound'>,
    parts: AsyncDisposableStack,
  ) {
    this.listeners = listeners
    this.inbound = inbound
    this.#parts = parts
  }

  /** Never fails for a single ServicePort's listener: that one is not announced. */
  static async start(options: UdpForwarderOptions, deps: UdpForwarderDeps): Promise<UdpForwarder> {
    const { services, logger, timers } = deps
    await using parts = new AsyncDisposableStack()
    const metrics = udpMetrics(deps.metrics)
    const counts = parts.use(new DatagramCounts('outbound', { timers, metrics }))
    const unreachable = parts.use(await startPortUnreachable(options.addresses, { logger, now: timers.now }))
    const { activeSessions: active, evictions } = metrics
    const book = parts.use(new SessionBook(options, { timers, active, evictions }))
    const { dialTimeoutMs, dialBudgetMs } = options
    const { now } = timers
    const perListener: DatagramListenerDeps = {
      ...{ warn: limitedWarn(logger), waitingBytes: new WaitingBytes() },
      ...{ services, metrics, counts, unreachable, book, now, dialTimeoutMs, dialBudgetMs },
      ...{ viewpoint: deps.viewpoint, picker: deps.picker, dialer: deps.dialer, reports: deps.reports },
      abandoned: deps.abandoned,
      maxSessionsPerClient: Math.max(
        MIN_SESSIONS_PER_CLIENT,
        options.maxSessionsPerServicePort / CLIENTS_TO_FILL_A_SERVICE_PORT,
      ),
      record: (record) => deps.record(record),
    }
    const listeners = await ServicePortListeners.start(options, {
      services,
      logger,
      familiesOf,
      listenerFor: (name) => new DatagramListener(name, perListener),
    })
    parts.use(listeners)
    parts.use(services.watch((changed) => endWithoutEndpoint(changed, { services, listeners })))
    const inbound = parts.use(startInbound(options, { timers, metrics, parts }))
    return new UdpForwarder({ listeners, inbound }, parts.move())
  }

  /** Ends all sessions at once: a datagram's sender does not wait for an end, and may send again. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#parts[Symbol.asyncDispose]()
  }
}

/** So many clients it takes at least to fill a ServicePort. */
const CLIENTS_TO_FILL_A_SERVICE_PORT = 8
const MIN_SESSIONS_PER_CLIENT = 16

/** Other nodes end their sessions by their own clocks; this is for those that forget to. */
const MIN_INBOUND_IDLE_MS = 300_000

function startInbound(
  { idleTimeoutMs, maxSessions }: UdpOptions,
  { timers, metrics, parts }: { timers: Timers; metrics: UdpMetrics; parts: AsyncDisposableStack },
): DatagramDialer {
  const counts = parts.use(new DatagramCounts('inbound', { timers, metrics }))
  return new DatagramDialer({
    timers,
    counts,
    idleTimeoutMs: Math.max(MIN_INBOUND_IDLE_MS, 2 * idleTimeoutMs),
    maxStreams: maxSessions,
  })
}

function familiesOf(servicePort: ServicePort) {
  return servicePort.proxied ? callableFamilies(servicePort, 'UDP') : new Set<never>()
}

interface SessionEnds {
  readonly services: Pick<ServiceDirectory, 'endpoints'>
  readonly listeners: ServicePortListeners<DatagramListener>
}

/**
 * A client that goes on sending would stay with its endpoint for ever. One that has gone, or no longer serves, is not worth
 * staying with; the client's next datagram finds another.
 */
function endWithoutEndpoint(changed: ServicePortName, { services, listeners }: SessionEnds): void {
  const open = IP_FAMILIES.flatMap((family) => listeners.of(changed, family)?.sessions ?? [])
  if (open.length === 0) return
  const able = new Set(services.endpoints(changed).filter(isAble).map(formatEndpoint))
  for (const sessions of open) sessions.endWhere((endpoint) => !able.has(formatEndpoint(endpoint)))
}

function isAble({ ready, serving }: Endpoint): boolean {
  return ready || serving
}
