import {
  type Dialer,
  type DialFailure,
  type FlowAnswer,
  type FlowHandler,
  type FlowRefusal,
  type FlowRequest,
  formatEndpoint,
  formatServicePortName,
  type Logger,
  limitedWarn,
  type NodeName,
  type ServiceDirectory,
} from '@edgeway/core'
import type { FlowJournal } from '../account/flow-journal.ts'
import { type DialOutcome, dialFirst, onDialFailure } from '../dial/dial-first.ts'
import type { TrafficMetrics } from '../metrics.ts'
import type { OpenFlows } from '../open-flows.ts'
import type { RelayEngine } from '../relay/relay-engine.ts'
import { InboundFlow } from './inbound-flow.ts'
import { waitUntilListed } from './wait-until-listed.ts'

export interface InboundFlowsOptions {
  readonly dialTimeoutMs: number
  /** How long a target that no Service lists may take to appear in the directory. */
  readonly unknownTargetWaitMs: number
}

export interface InboundFlowsDeps {
  readonly nodeName: NodeName
  readonly services: Pick<ServiceDirectory, 'loaded' | 'hasEndpoint' | 'presentAddress' | 'watch'>
  /** To TCP endpoints of this node. */
  readonly dialer: Dialer
  /** To UDP endpoints of this node. */
  readonly datagrams: Dialer
  readonly journal: FlowJournal
  readonly trafficMetrics: Pick<TrafficMetrics, 'dialFailures' | 'refusals'>
  readonly relay: Pick<RelayEngine, 'relay'>
  readonly open: OpenFlows
  readonly logger: Logger
}

type Refusal = Exclude<FlowAnswer, { readonly status: 'ok' }>

/** For a flow whose caller named no Service. */
const NO_SERVICE = formatServicePortName('-', '-', '')

const REFUSAL_OF_FAILURE: Readonly<Partial<Record<DialFailure, FlowRefusal>>> = {
  refused: 'endpoint-refused',
  timeout: 'endpoint-timeout',
  exhausted: 'draining',
}

/** The caller has left and reads no answer, or this node has no more time for it. */
const GIVEN_UP: Refusal = { status: 'draining', reason: 'the flow was given up' }

/** Refusals that an honest and up-to-date node does not provoke. */
const SUSPICIOUS: ReadonlySet<FlowRefusal> = new Set(['unknown-target', 'wrong-node', 'bad-request'])

/**
 * Connects flows of other nodes to pods of this one. Dials nothing but endpoints that a Service lists for this very
 * node, in any condition: which of them to use was the caller's choice.
 */
export class InboundFlows implements FlowHandler {
  readonly #options: InboundFlowsOptions
  readonly #deps: InboundFlowsDeps
  readonly #warn: Logger['warn']
  #isDraining = false

  constructor(options: InboundFlowsOptions, deps: InboundFlowsDeps) {
    this.#options = options
    this.#deps = deps
    this.#warn = limitedWarn(deps.logger)
  }

  /** From here on new flows are refused; those that are open go on. */
  refuseNew(): void {
    this.#isDraining = true
  }

  async open(request: FlowRequest, signal: AbortSignal): Promise<FlowAnswer> {
    const answer = this.#check(request) ?? (await this.#connect(request, signal))
    // Nobody is refused who has left.
    if (answer.status !== 'ok' && !signal.aborted) this.#refused(request, answer)
    return answer
  }

  #check({ target }: FlowRequest): Refusal | undefined {
    const { nodeName } = this.#deps
    if (this.#isDraining) return { status: 'draining', reason: `the agent on ${nodeName} is about to stop` }
    if (target.node !== nodeName)
      return { status: 'wrong-node', reason: `${formatEndpoint(target)} is not on this node, ${nodeName}` }
    return undefined
  }

  async #connect(request: FlowRequest, signal: AbortSignal): Promise<FlowAnswer> {
    const flow = new InboundFlow(request, this.#deps)
    this.#deps.open.add(flow)
    const leave = (): void => flow.giveUp('client-gone')
    signal.addEventListener('abort', leave)
    if (signal.aborted) leave()
    const refusal = (await this.#checkListed(request, flow)) ?? (await this.#dial(request, flow))
    signal.removeEventListener('abort', leave)
    if (refusal === undefined)
      return { status: 'ok', serve: (stream, reset) => flow.serve(stream, reset), abandon: leave }
    flow.giveUp('dial-failed')
    return refusal
  }

  async #checkListed({ target }: FlowRequest, { signal }: InboundFlow): Promise<Refusal | undefined> {
    const { services } = this.#deps
    const timeoutMs = this.#options.unknownTargetWaitMs
    if (await waitUntilListed(target, services, { timeoutMs, signal })) return undefined
    if (signal.aborted) return GIVEN_UP
    if (services.loaded)
      return { status: 'unknown-target', reason: `no Service lists ${formatEndpoint(target)}` }
    return { status: 'starting', reason: 'the node does not know the Services of the cluster yet' }
  }

  async #dial(
    { target, service = NO_SERVICE }: FlowRequest,
    flow: InboundFlow,
  ): Promise<Refusal | undefined> {
    const { trafficMetrics: metrics, services } = this.#deps
    const dialer = target.protocol === 'UDP' ? this.#deps.datagrams : this.#deps.dialer
    const { dialTimeoutMs } = this.#options
    const dialled = await dialFirst(
      { endpoints: [services.presentAddress(target)], service, signal: flow.signal },
      // There is no other one to leave time for.
      { dialTimeoutMs, dialBudgetMs: 2 * dialTimeoutMs },
      { dialer, observer: onDialFailure((reason) => metrics.dialFailures.add({ reason })) },
    )
    if (dialled.status !== 'connected') return refusalOf(dialled)
    flow.connected(dialled.connection)
    return undefined
  }

  #refused({ from, service, target }: FlowRequest, { status, reason }: Refusal): void {
    this.#deps.trafficMetrics.refusals.add({ reason: status })
    const fields = { from, service, target: formatEndpoint(target), status, reason }
    if (SUSPICIOUS.has(status)) this.#warn('flow of another node refused', fields)
    else this.#deps.logger.debug('flow of another node refused', fields)
  }
}

function refusalOf(dialled: Exclude<DialOutcome, { status: 'connected' }>): Refusal {
  if (dialled.status !== 'failed') return GIVEN_UP
  const { failure, message } = dialled.error
  return { status: REFUSAL_OF_FAILURE[failure] ?? 'endpoint-unreachable', reason: message }
}
