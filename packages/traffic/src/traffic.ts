import type {
  Component,
  ComponentDeps,
  Dialer,
  FlowHandler,
  ListenerDirectory,
  NodeName,
  ServiceDirectory,
} from '@edgeway/core'
import { DirectDialer } from './dial/direct-dialer.ts'
import { EndpointPicker } from './endpoint-picker.ts'
import { FlowJournal } from './flow-journal.ts'
import { InboundFlows } from './inbound-flows.ts'
import type { Interceptor, OnConnection } from './listen/interceptor.ts'
import { ListenerPerServicePort } from './listen/listener-per-service-port.ts'
import { SharedListener } from './listen/shared-listener.ts'
import { trafficMetrics } from './metrics.ts'
import { OpenFlows } from './open-flows.ts'
import { loadOriginalDestination, type ReadOriginalDestination } from './original-destination.ts'
import { OutboundFlows } from './outbound-flows.ts'

export interface TrafficOptions {
  /** Port of the one listener for redirected connections, on the node's own address. */
  readonly listenPort: number
  /**
   * `auto`: one listener that asks the kernel where a connection was going to, where that works; otherwise, and with
   * `off`, one listener per ServicePort.
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
  /** To any endpoint of the cluster. */
  readonly dialer: Dialer
  readonly nodeName: NodeName
  /** The node's own address, on which redirected connections arrive. */
  readonly nodeAddress: string
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
    const logger = deps.logger.child({ component: 'traffic' })
    const metrics = trafficMetrics(deps.metrics)
    const journal = new FlowJournal({ logger, metrics, services: deps.services })
    const open = new OpenFlows()
    const picker = new EndpointPicker(deps.services)
    const { dialer, services, nodeName } = deps
    const outbound = new OutboundFlows(options, { picker, dialer, journal, metrics, open })
    const local = new DirectDialer('local')
    const inboundDeps = { nodeName, services, dialer: local, journal, metrics, open, logger }
    const inbound = new InboundFlows(options, inboundDeps)
    const interceptor = await startInterceptor(options, deps, (client, port) => outbound.accept(client, port))
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

async function startInterceptor(
  options: TrafficOptions,
  deps: TrafficDeps,
  onConnection: OnConnection,
): Promise<Interceptor> {
  const logger = deps.logger.child({ component: 'traffic' })
  const { services, nodeAddress: ip, onFatal } = deps
  const read =
    options.originalDestination === 'off'
      ? undefined
      : (deps.readOriginalDestination ?? (await loadOriginalDestination()))
  if (read !== undefined) {
    const address = { ip, port: options.listenPort }
    const listener = { services, readOriginalDestination: read, onConnection, onFatal }
    const interceptor = await SharedListener.start(address, listener)
    logger.info('listening for redirected connections', { address: `${ip}:${options.listenPort}` })
    return interceptor
  }
  logger.info('listening for redirected connections, one port per ServicePort', { address: ip })
  return ListenerPerServicePort.start(ip, { services, onConnection, logger, onFatal })
}
