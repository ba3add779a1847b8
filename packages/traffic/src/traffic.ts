import type {
  Component,
  ComponentDeps,
  Dialer,
  FlowHandler,
  ListenerDirectory,
  NodeDirectory,
  NodeName,
  ServiceDirectory,
} from '@edgeway/core'
import { DirectDialer } from './dial/direct-dialer.ts'
import { EndpointPicker } from './endpoint-picker.ts'
import { FlowJournal } from './flow-journal.ts'
import { InboundFlows } from './inbound-flows.ts'
import { BufferLimitingDialer, bufferLimiter } from './kernel-buffers.ts'
import type { Interceptor, NodeAddresses, OnConnection } from './listen/interceptor.ts'
import { ListenerPerServicePort } from './listen/listener-per-service-port.ts'
import { SharedListener } from './listen/shared-listener.ts'
import { trafficMetrics } from './metrics.ts'
import { OpenFlows } from './open-flows.ts'
import { originalDestinationReader, type ReadOriginalDestination } from './original-destination.ts'
import { OutboundFlows } from './outbound-flows.ts'
import { loadSocketOptions, type SocketOptions } from './socket-options.ts'

export interface TrafficOptions {
  /** Port for redirected connections, on each of the node's own addresses. */
  readonly listenPort: number
  /**
   * `auto`: one listener that asks the kernel where a connection was going to, where that works; otherwise, and with
   * `off`, one listener per ServicePort, which takes every connection for one to a ClusterIP. `off` also leaves the
   * kernel's buffers as they are.
   */
  readonly originalDestination: 'auto' | 'off'
  /** For one endpoint; then the next one is tried. */
  readonly dialTimeoutMs: number
  /** For all endpoints that are tried for one flow, together. */
  readonly dialBudgetMs: number
  /** How long a flow of another node to an endpoint that no Service lists waits for the directory to catch up. */
  readonly unknownTargetWaitMs: number
  /** How long open flows may go on when the agent stops; then they are reset. */
  readonly drainTimeoutMs: number
}

export const DEFAULT_TRAFFIC_OPTIONS: TrafficOptions = {
  listenPort: 15_001,
  originalDestination: 'auto',
  dialTimeoutMs: 5_000,
  dialBudgetMs: 15_000,
  unknownTargetWaitMs: 1_000,
  drainTimeoutMs: 10_000,
}

export interface TrafficDeps extends ComponentDeps {
  readonly services: ServiceDirectory
  readonly nodes: Pick<NodeDirectory, 'node'>
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

/** Forwards TCP connections: of this node's clients to endpoints anywhere, and of other nodes to this node's pods. */
export class Traffic implements Component {
  /** Which ServicePorts the proxier may redirect, and where to. */
  readonly listeners: ListenerDirectory
  /** For flows that come from other nodes. */
  readonly inbound: FlowHandler
  readonly #inboundFlows: InboundFlows
  readonly #interceptor: Interceptor
  readonly #open: OpenFlows
  readonly #drainTimeoutMs: number
  readonly #subscription: Disposable

  private constructor(
    parts: {
      readonly interceptor: Interceptor
      readonly inbound: InboundFlows
      readonly open: OpenFlows
      readonly subscription: Disposable
    },
    drainTimeoutMs: number,
  ) {
    this.listeners = parts.interceptor.listeners
    this.inbound = parts.inbound
    this.#inboundFlows = parts.inbound
    this.#interceptor = parts.interceptor
    this.#open = parts.open
    this.#subscription = parts.subscription
    this.#drainTimeoutMs = drainTimeoutMs
  }

  /** @throws {Error} when the listener's address can't be bound */
  static async start(options: TrafficOptions, deps: TrafficDeps): Promise<Traffic> {
    const { services, nodes, nodeName } = deps
    const logger = deps.logger.child({ component: 'traffic' })
    const metrics = trafficMetrics(deps.metrics)
    const journal = new FlowJournal({ logger, metrics, services })
    const open = new OpenFlows()
    const picker = new EndpointPicker(services, { nodeName, nodes })
    const socketOptions = options.originalDestination === 'off' ? undefined : await loadSocketOptions()
    const limit = socketOptions === undefined ? () => {} : bufferLimiter(socketOptions)
    const dialer = new BufferLimitingDialer(deps.dialer, limit)
    const local = new BufferLimitingDialer(new DirectDialer('local'), limit)
    const outbound = new OutboundFlows(options, { picker, dialer, journal, metrics, open })
    const inbound = new InboundFlows(options, {
      nodeName,
      services,
      dialer: local,
      journal,
      metrics,
      open,
      logger,
    })
    const onConnection: OnConnection = (client, called) => {
      limit(client)
      outbound.accept(client, called)
    }
    const interceptor = await startInterceptor(options, { ...deps, logger, socketOptions, onConnection })
    const subscription = services.watch((changed) => picker.forget(changed))
    return new Traffic({ interceptor, inbound, open, subscription }, options.drainTimeoutMs)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#subscription[Symbol.dispose]()
    this.#inboundFlows.refuseNew()
    await this.#interceptor[Symbol.asyncDispose]()
    await this.#open.drain(this.#drainTimeoutMs)
  }
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
  const listener = { services, readOriginalDestination, onConnection, onFatal }
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
