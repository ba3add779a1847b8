import type { Duplex } from 'node:stream'
import {
  DialError,
  type Dialer,
  type DialFailure,
  type EndpointConnection,
  type FlowAnswer,
  type FlowHandler,
  type FlowRefusal,
  type FlowRequest,
  formatEndpoint,
  formatServicePortName,
  type Logger,
  type NodeName,
  type ServiceDirectory,
} from '@edgeway/core'
import type { FlowJournal } from './flow-journal.ts'
import type { TrafficMetrics } from './metrics.ts'
import type { OpenFlows } from './open-flows.ts'
import { splice } from './splice.ts'

export interface InboundFlowsOptions {
  readonly dialTimeoutMs: number
  /** How long a target that no Service lists may take to appear in the directory. */
  readonly unknownTargetWaitMs: number
}

export interface InboundFlowsDeps {
  readonly nodeName: NodeName
  readonly services: Pick<ServiceDirectory, 'hasEndpoint' | 'watch'>
  /** To pods of this node. */
  readonly dialer: Dialer
  readonly journal: FlowJournal
  readonly metrics: TrafficMetrics
  readonly open: OpenFlows
  readonly logger: Logger
}

const REFUSALS: Readonly<Partial<Record<DialFailure, FlowRefusal>>> = {
  refused: 'endpoint-refused',
  timeout: 'endpoint-timeout',
}

/**
 * Connects flows of other nodes to pods of this one. Dials nothing but endpoints that a Service lists for this very
 * node, in any condition: which of them to use was the caller's choice.
 */
export class InboundFlows implements FlowHandler {
  readonly #options: InboundFlowsOptions
  readonly #deps: InboundFlowsDeps
  #draining = false

  constructor(options: InboundFlowsOptions, deps: InboundFlowsDeps) {
    this.#options = options
    this.#deps = deps
  }

  /** From here on new flows are refused; those that are open go on. */
  refuseNew(): void {
    this.#draining = true
  }

  async open(request: FlowRequest, signal: AbortSignal): Promise<FlowAnswer> {
    const answer = await this.#answer(request, signal)
    if (answer.status !== 'ok') this.#refused(request, answer.status, answer.reason)
    return answer
  }

  async #answer(request: FlowRequest, signal: AbortSignal): Promise<FlowAnswer> {
    const { target } = request
    const { nodeName } = this.#deps
    if (this.#draining) return { status: 'draining', reason: `the agent on ${nodeName} is about to stop` }
    if (target.protocol !== 'TCP')
      return { status: 'bad-request', reason: `protocol ${target.protocol} is not forwarded, only TCP` }
    if (target.node !== nodeName)
      return { status: 'wrong-node', reason: `${formatEndpoint(target)} is not on this node, ${nodeName}` }
    if (!(await this.#isListed(target, signal)))
      return { status: 'unknown-target', reason: `no Service lists ${formatEndpoint(target)}` }
    return this.#connect(request, signal)
  }

  /** The caller's directory may be ahead of this node's. */
  async #isListed(target: FlowRequest['target'], signal: AbortSignal): Promise<boolean> {
    const { services } = this.#deps
    if (services.hasEndpoint(target)) return true
    const { promise, resolve } = Promise.withResolvers<boolean>()
    const late = AbortSignal.any([signal, AbortSignal.timeout(this.#options.unknownTargetWaitMs)])
    using _watch = services.watch(() => services.hasEndpoint(target) && resolve(true))
    late.addEventListener('abort', () => resolve(false), { once: true })
    return await promise
  }

  async #connect(request: FlowRequest, signal: AbortSignal): Promise<FlowAnswer> {
    const started = performance.now()
    const { dialTimeoutMs } = this.#options
    const service = request.service ?? formatServicePortName('-', '-', '')
    const late = AbortSignal.timeout(dialTimeoutMs)
    try {
      const target = { endpoint: { ...request.target, ready: true }, service }
      const connection = await this.#deps.dialer.dial(target, AbortSignal.any([signal, late]))
      return {
        status: 'ok',
        serve: (stream, reset) => void this.#serve(request, { started, connection, stream, reset }),
        abandon: () => connection.reset(),
      }
    } catch (error) {
      if (late.aborted) return { status: 'endpoint-timeout', reason: `no answer within ${dialTimeoutMs} ms` }
      const status = (error instanceof DialError && REFUSALS[error.failure]) || 'endpoint-unreachable'
      return { status, reason: error instanceof Error ? error.message : String(error) }
    }
  }

  async #serve(
    { from, service, target: endpoint }: FlowRequest,
    flow: {
      readonly started: number
      readonly connection: EndpointConnection
      readonly stream: Duplex
      readonly reset: () => void
    },
  ): Promise<void> {
    const { journal, open } = this.#deps
    const connectMs = performance.now() - flow.started
    journal.begin('inbound')
    const joined = splice({ stream: flow.stream, reset: flow.reset }, flow.connection)
    open.add(joined)
    const outcome = await joined.ended
    const { bytesSent, bytesReceived } = joined
    const durationMs = performance.now() - flow.started
    const record = {
      direction: 'inbound',
      client: from,
      service,
      endpoint,
      path: flow.connection.path,
    } as const
    journal.end({ ...record, outcome, bytesSent, bytesReceived, connectMs, durationMs })
  }

  #refused({ from, service, target }: FlowRequest, status: FlowRefusal, reason: string): void {
    this.#deps.metrics.refusals.add({ reason: status })
    const fields = { from, service, target: formatEndpoint(target), status, reason }
    const suspicious = status === 'unknown-target' || status === 'wrong-node' || status === 'bad-request'
    if (suspicious) this.#deps.logger.warn('flow of another node refused', fields)
    else this.#deps.logger.debug('flow of another node refused', fields)
  }
}
