import type { Duplex } from 'node:stream'
import type { EndpointConnection, FlowRequest } from '@edgeway/core'
import type { Metering } from '../account/byte-meter.ts'
import type { FlowJournal, FlowOutcome } from '../account/flow-journal.ts'
import type { OpenFlow } from '../open-flows.ts'
import type { Relay, RelayEngine } from '../relay/relay-engine.ts'

export interface InboundFlowDeps {
  readonly journal: FlowJournal
  readonly relay: Pick<RelayEngine, 'relay'>
}

/** They are the caller's to set. */
const NO_LIMITS = { idleTimeoutMs: undefined, maxDurationMs: undefined }

/** One flow of another node: wanted, then connected to its endpoint, then served; or given up at any of these. */
export class InboundFlow implements OpenFlow {
  readonly ended: Promise<void>
  readonly #request: FlowRequest
  readonly #deps: InboundFlowDeps
  readonly #startedAt = performance.now()
  readonly #unwanted = new AbortController()
  readonly #resolve: () => void
  #isOver = false
  #connected: { readonly connection: EndpointConnection; readonly connectMs: number } | undefined
  #joined: Relay | undefined
  #metering: Metering | undefined

  constructor(request: FlowRequest, deps: InboundFlowDeps) {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.ended = promise
    this.#resolve = resolve
    this.#request = request
    this.#deps = deps
  }

  /** Aborts when the flow is given up: a wait or a dial on its behalf may end. */
  get signal(): AbortSignal {
    return this.#unwanted.signal
  }

  connected(connection: EndpointConnection): void {
    if (this.#isOver) {
      connection.reset()
      return
    }
    this.#connected = { connection, connectMs: this.#elapsedMs() }
    this.#deps.journal.begin('inbound')
  }

  /** Joins the flow's stream to the endpoint. */
  serve(stream: Duplex, reset: () => void): void {
    if (this.#isOver || this.#connected === undefined) {
      reset()
      return
    }
    const { relay, journal } = this.#deps
    const { connection } = this.#connected
    const joined = relay.relay({ stream, reset }, connection, NO_LIMITS)
    this.#metering = journal.meter({ direction: 'inbound', path: connection.path, counts: joined })
    this.#joined = joined
    void joined.ended.then((outcome) => this.#end(outcome))
  }

  /** Ends a flow that is not served yet. */
  giveUp(outcome: FlowOutcome): void {
    if (this.#joined !== undefined || this.#isOver) return
    this.#unwanted.abort()
    this.#connected?.connection.reset()
    this.#end(outcome)
  }

  cut(): void {
    if (this.#joined === undefined) this.giveUp('cut')
    else this.#joined.cut()
  }

  /** A flow that never had an endpoint was refused, which is told elsewhere. */
  #end(outcome: FlowOutcome): void {
    this.#isOver = true
    if (this.#connected !== undefined) this.#record(this.#connected, outcome)
    this.#resolve()
  }

  #record(
    { connection, connectMs }: { readonly connection: EndpointConnection; readonly connectMs: number },
    outcome: FlowOutcome,
  ): void {
    const { from: client, service, target: endpoint } = this.#request
    const { bytesSent = 0, bytesReceived = 0 } = this.#joined ?? {}
    const durationMs = this.#elapsedMs()
    const { path } = connection
    const known = { direction: 'inbound', client, service, endpoint, path, connectMs } as const
    this.#deps.journal.end({ ...known, outcome, bytesSent, bytesReceived, durationMs }, this.#metering)
  }

  #elapsedMs(): number {
    return performance.now() - this.#startedAt
  }
}
