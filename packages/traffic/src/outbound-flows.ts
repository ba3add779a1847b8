import type { Socket } from 'node:net'
import {
  DialError,
  type Dialer,
  type Endpoint,
  type EndpointConnection,
  type ServicePort,
  type ServicePortName,
} from '@edgeway/core'
import type { EndpointPicker } from './endpoint-picker.ts'
import { NoEndpointsError } from './errors.ts'
import type { FlowJournal, FlowOutcome } from './flow-journal.ts'
import type { TrafficMetrics } from './metrics.ts'
import type { OpenFlows } from './open-flows.ts'
import { resetSocket } from './reset-socket.ts'
import { splice } from './splice.ts'

export interface OutboundFlowsOptions {
  /** For one endpoint. */
  readonly dialTimeoutMs: number
  /** For all endpoints that are tried for one flow, together. */
  readonly dialBudgetMs: number
}

export interface OutboundFlowsDeps {
  readonly picker: EndpointPicker
  readonly dialer: Dialer
  readonly journal: FlowJournal
  readonly metrics: TrafficMetrics
  readonly open: OpenFlows
}

interface Dialled {
  readonly connection: EndpointConnection
  readonly endpoint: Endpoint
}

/** Carries connections of this node's clients to an endpoint of the ServicePort they called. */
export class OutboundFlows {
  readonly #options: OutboundFlowsOptions
  readonly #deps: OutboundFlowsDeps
  /** Flows whose endpoint is not connected yet; cut when the node stops. */
  readonly #dialling = new Set<AbortController>()

  constructor(options: OutboundFlowsOptions, deps: OutboundFlowsDeps) {
    this.#options = options
    this.#deps = deps
  }

  /** Takes over an accepted, paused client; returns at once. */
  accept(client: Socket, servicePort: ServicePort | undefined): void {
    void this.#carry(client, servicePort)
  }

  /** Gives up flows that are not connected to an endpoint yet. */
  abandonDialling(): void {
    for (const dialling of this.#dialling) dialling.abort(new Error('the agent stops'))
  }

  async #carry(client: Socket, servicePort: ServicePort | undefined): Promise<void> {
    const started = performance.now()
    const elapsed = (): number => performance.now() - started
    const { journal, open } = this.#deps
    const flow = { direction: 'outbound', client: clientOf(client), service: servicePort?.name } as const
    journal.begin('outbound')
    if (servicePort === undefined) {
      resetSocket(client)
      journal.end({ ...flow, outcome: 'not-redirected', durationMs: elapsed() })
      return
    }
    try {
      const { connection, endpoint } = await this.#dialForClient(client, servicePort.name)
      const connectMs = elapsed()
      const joined = splice({ stream: client, reset: () => resetSocket(client) }, connection)
      open.add(joined)
      const outcome = await joined.ended
      const { bytesSent, bytesReceived } = joined
      const { path } = connection
      const durationMs = elapsed()
      journal.end({ ...flow, outcome, endpoint, path, bytesSent, bytesReceived, connectMs, durationMs })
    } catch (error) {
      resetSocket(client)
      journal.end({ ...flow, outcome: outcomeOf(error, client), durationMs: elapsed(), error })
    }
  }

  /** Dials for as long as the client is there and the budget lasts. */
  async #dialForClient(client: Socket, name: ServicePortName): Promise<Dialled> {
    const dialling = new AbortController()
    const gone = (): void => dialling.abort(new Error('the client left'))
    client.once('close', gone)
    this.#dialling.add(dialling)
    try {
      return await this.#dialAny(name, dialling.signal)
    } finally {
      client.off('close', gone)
      this.#dialling.delete(dialling)
    }
  }

  /** One endpoint after the other, in the balancer's order. */
  async #dialAny(name: ServicePortName, gone: AbortSignal): Promise<Dialled> {
    const budget = AbortSignal.timeout(this.#options.dialBudgetMs)
    let last: unknown = new NoEndpointsError(name)
    for (const endpoint of this.#deps.picker.order(name)) {
      try {
        const connection = await this.#dialOne({ endpoint, service: name }, AbortSignal.any([gone, budget]))
        return { connection, endpoint }
      } catch (error) {
        gone.throwIfAborted()
        last = error
        this.#deps.metrics.dialFailures.add({ reason: error instanceof DialError ? error.failure : 'failed' })
        if (budget.aborted || (error instanceof DialError && !error.retryable)) break
      }
    }
    throw last
  }

  async #dialOne(
    target: { readonly endpoint: Endpoint; readonly service: ServicePortName },
    signal: AbortSignal,
  ): Promise<EndpointConnection> {
    const { dialTimeoutMs } = this.#options
    const late = AbortSignal.timeout(dialTimeoutMs)
    try {
      return await this.#deps.dialer.dial(target, AbortSignal.any([signal, late]))
    } catch (error) {
      if (!late.aborted || signal.aborted) throw error
      const reason = `no answer within ${dialTimeoutMs} ms`
      throw new DialError(target.endpoint, { failure: 'timeout', reason }, { cause: error })
    }
  }
}

function outcomeOf(error: unknown, client: Socket): FlowOutcome {
  if (error instanceof NoEndpointsError) return 'no-endpoint'
  return client.destroyed && !(error instanceof DialError) ? 'client-gone' : 'dial-failed'
}

function clientOf({ remoteAddress = 'unknown', remotePort = 0 }: Socket): string {
  return `${remoteAddress}:${remotePort}`
}
