import type {
  Component,
  ComponentDeps,
  Dialer,
  EndpointHealth,
  FlowHandler,
  ListenerDirectory,
  NodeDirectory,
  NodeName,
  ServiceDirectory,
} from '@edgeway/core'
import { FlowJournal } from './account/flow-journal.ts'
import type { EndpointPicker } from './balance/endpoint-picker.ts'
import { AbandonedDials } from './dial/abandoned-dials.ts'
import { DirectDialer } from './dial/direct-dialer.ts'
import { EndpointChoice } from './endpoint-choice.ts'
import type { EndpointFeedback } from './endpoint-feedback.ts'
import { DEFAULT_HEALTH_OPTIONS, type HealthOptions } from './health/health-options.ts'
import { DEFAULT_HTTP_OPTIONS, type HttpOptions } from './http/http-options.ts'
import { RequestForwarder } from './http/request-forwarder.ts'
import { InboundFlows } from './inbound/inbound-flows.ts'
import { serverPreparer } from './kernel/inherited-options.ts'
import { BufferLimitingDialer, bufferLimiter } from './kernel/kernel-buffers.ts'
import { originalDestinationReader, type ReadOriginalDestination } from './kernel/original-destination.ts'
import { loadSocketOptions, type SocketOptions } from './kernel/socket-options.ts'
import type { Interceptor, NodeAddresses, OnConnection } from './listen/interceptor.ts'
import { ListenerPerServicePort } from './listen/listener-per-service-port.ts'
import { SharedListener } from './listen/shared-listener.ts'
import { trafficMetrics } from './metrics.ts'
import { OpenFlows } from './open-flows.ts'
import { OutboundFlows } from './outbound/outbound-flows.ts'
import { RelayEngines, type RelayEnginesOptions } from './relay/relay-engines.ts'
import { SYSTEM_TIMERS } from './timers.ts'
import { combinedListeners } from './udp/combined-listeners.ts'
import { UdpForwarder } from './udp/udp-forwarder.ts'
import { DEFAULT_UDP_OPTIONS, type UdpOptions } from './udp/udp-options.ts'

export interface TrafficOptions {
  /** Port for redirected connections, on each of the node's own addresses. */
  readonly listenPort: number
  /**
   * `auto`: one listener that asks the kernel where a connection was going to, where that works; otherwise, and with
   * `off`, one listener per ServicePort, which takes every connection for one to a ClusterIP. `off` also leaves the
   * kernel's buffers as they are.
   */
  readonly originalDestination: 'auto' | 'off'
  /** What copies bytes; `auto`: what works best here. */
  readonly relayEngine: RelayEnginesOptions['engine']
  /** For one endpoint; then the next one is tried. More on a way that is known to be slow, see `Dialer.patienceMs`. */
  readonly dialTimeoutMs: number
  /** For all endpoints that are tried for one flow, together. */
  readonly dialBudgetMs: number
  /** Connections without a byte in either direction for so long are reset; 0: never. */
  readonly idleTimeoutMs: number
  /** How long a flow of another node to an endpoint that no Service lists waits for the directory to catch up. */
  readonly unknownTargetWaitMs: number
  /** How long open flows may go on when the agent stops; then they are reset. */
  readonly drainTimeoutMs: number
  /** The share of flows and of HTTP requests that the log tells of, 0 to 1; below 1, at most 20 of each a second. */
  readonly flowLogSampleRatio: number
  readonly health: HealthOptions
  readonly http: HttpOptions
  readonly udp: UdpOptions
}

export const DEFAULT_TRAFFIC_OPTIONS: TrafficOptions = {
  listenPort: 15_001,
  originalDestination: 'auto',
  relayEngine: 'auto',
  dialTimeoutMs: 5_000,
  dialBudgetMs: 15_000,
  idleTimeoutMs: 0,
  unknownTargetWaitMs: 1_000,
  drainTimeoutMs: 10_000,
  flowLogSampleRatio: 0.01,
  health: DEFAULT_HEALTH_OPTIONS,
  http: DEFAULT_HTTP_OPTIONS,
  udp: DEFAULT_UDP_OPTIONS,
}

export interface TrafficDeps extends ComponentDeps {
  readonly services: ServiceDirectory
  readonly nodes: Pick<NodeDirectory, 'node' | 'watchNodes'>
  /** To any endpoint of the cluster. */
  readonly dialer: Dialer
  readonly nodeName: NodeName
  /** The node's own IPv4 address, on which redirected connections arrive. */
  readonly nodeAddress: string
  /** The IPv6 one; `undefined`: no IPv6 connections are taken. */
  readonly nodeAddress6: string | undefined
  /** The kernel's answer by koffi unless given. */
  readonly readOriginalDestination?: ReadOriginalDestination
}

/** Forwards connections and datagrams: of this node's clients to endpoints anywhere, and of other nodes to this node's pods. */
export class Traffic implements Component {
  /** Which ServicePorts the proxier may redirect, and where to. */
  readonly listeners: ListenerDirectory
  /** For flows that come from other nodes. */
  readonly inbound: FlowHandler
  /** Which endpoints fail, as far as flows and checks tell. */
  readonly health: EndpointHealth
  readonly #inboundFlows: InboundFlows
  readonly #parts: AsyncDisposableStack

  private constructor(
    what: {
      readonly listeners: ListenerDirectory
      readonly inbound: InboundFlows
      readonly health: EndpointHealth
    },
    parts: AsyncDisposableStack,
  ) {
    this.listeners = what.listeners
    this.inbound = what.inbound
    this.#inboundFlows = what.inbound
    this.health = what.health
    this.#parts = parts
  }

  /** @throws {Error} when the listener's address can't be bound */
  static async start(options: TrafficOptions, given: TrafficDeps): Promise<Traffic> {
    const logger = given.logger.child({ component: 'traffic' })
    const { services } = given
    // Stopped in reverse: what others use outlives them.
    await using parts = new AsyncDisposableStack()
    const metrics = trafficMetrics(given.metrics)
    const journal = parts.use(new FlowJournal(options, { logger, metrics, services, timers: SYSTEM_TIMERS }))
    const relay = parts.use(await RelayEngines.start({ engine: options.relayEngine }, { logger }))
    const socketOptions = options.originalDestination === 'off' ? undefined : await loadSocketOptions()
    const limit = socketOptions === undefined ? () => {} : bufferLimiter(socketOptions)
    const dialer = new BufferLimitingDialer(given.dialer, limit)
    const local = new BufferLimitingDialer(new DirectDialer('local'), limit)
    const deps = { ...given, logger, dialer }
    const choice = parts.use(EndpointChoice.start(options, { ...deps, failures: metrics.dialFailures }))
    const abandoned = parts.use(new AbandonedDials())
    const timers = SYSTEM_TIMERS
    const http = parts.use(
      await RequestForwarder.start(
        { ...options, ...options.http },
        {
          ...deps,
          ...choice,
          relay,
          journal,
          abandoned,
          metrics: given.metrics,
          bytes: metrics.bytes,
          timers,
        },
      ),
    )
    const open = new OpenFlows()
    parts.defer(() => open.drain(options.drainTimeoutMs))
    const flows = { ...deps, relay, journal, open, abandoned }
    const outbound = new OutboundFlows(options, { ...flows, ...choice, http, wires: http.wires })
    const udp = parts.use(await startUdp(options, { ...flows, ...choice }))
    const { inbound: datagrams } = udp
    const inbound = new InboundFlows(options, { ...flows, dialer: local, datagrams, trafficMetrics: metrics })
    const onConnection: OnConnection = (client, called) => outbound.accept(client, called)
    const interceptor = parts.use(await startInterceptor(options, { ...deps, socketOptions, onConnection }))
    const listeners = combinedListeners(interceptor.listeners, udp.listeners)
    return new Traffic({ listeners, inbound, health: choice.health }, parts.move())
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#inboundFlows.refuseNew()
    await this.#parts[Symbol.asyncDispose]()
  }
}

interface UdpDeps extends TrafficDeps {
  readonly picker: EndpointPicker
  readonly feedback: EndpointFeedback
  readonly journal: FlowJournal
  readonly abandoned: AbandonedDials
}

function startUdp(options: TrafficOptions, deps: UdpDeps): Promise<UdpForwarder> {
  const { nodeName, nodes, feedback: reports, journal } = deps
  return UdpForwarder.start(
    { ...options, ...options.udp, addresses: addressesOf(deps), holdBackMs: HOLD_BACK_MS },
    {
      ...deps,
      reports,
      viewpoint: { nodeName, nodes },
      timers: SYSTEM_TIMERS,
      record: (record) => journal.record({ ...record, protocol: 'UDP', direction: 'outbound' }),
    },
  )
}

interface InterceptorDeps extends TrafficDeps {
  readonly socketOptions: SocketOptions | undefined
  readonly onConnection: OnConnection
}

/** By then the rules have been brought in line, even when that failed once or somebody else changed them. */
const HOLD_BACK_MS = 30_000

async function startInterceptor(options: TrafficOptions, deps: InterceptorDeps): Promise<Interceptor> {
  const { logger, services, onConnection, onFatal } = deps
  const addresses = addressesOf(deps)
  const readOriginalDestination = destinationReader(options, deps)
  if (readOriginalDestination === undefined) {
    logger.info('listening for redirected connections, one port per ServicePort', { addresses })
    const listening = { addresses, holdBackMs: HOLD_BACK_MS }
    return ListenerPerServicePort.start(listening, { services, onConnection, logger, onFatal })
  }
  const port = options.listenPort
  const prepare = deps.socketOptions && serverPreparer(deps.socketOptions)
  const listener = { services, readOriginalDestination, prepare, onConnection, onFatal }
  const interceptor = await SharedListener.start({ addresses, port }, listener)
  logger.info('listening for redirected connections', { addresses, port })
  return interceptor
}

function addressesOf({ nodeAddress: IPv4, nodeAddress6: IPv6 }: TrafficDeps): NodeAddresses {
  return IPv6 === undefined ? { IPv4 } : { IPv4, IPv6 }
}

function destinationReader(
  { originalDestination }: TrafficOptions,
  { readOriginalDestination, socketOptions }: InterceptorDeps,
): ReadOriginalDestination | undefined {
  if (originalDestination === 'off') return undefined
  if (readOriginalDestination !== undefined) return readOriginalDestination
  return socketOptions === undefined ? undefined : originalDestinationReader(socketOptions)
}
