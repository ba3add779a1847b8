import type { Duplex } from 'node:stream'
import type { EndpointConnection, FlowRequest } from '@edgeway/core'
import type { FlowJournal, FlowOutcome } from './flow-journal.ts'
import type { OpenFlow } from './open-flows.ts'
import { type Splice, splice } from './splice.ts'

/** One flow of another node: wanted, then connected to its endpoint, then served; or given up at any of these. */
export class InboundFlow implements OpenFlow {
  readonly ended: Promise<void>
  readonly #request: FlowRequest
  readonly #journal: FlowJournal
  readonly #startedAt = performance.now()
  readonly #unwanted = new AbortController()
  readonly #resolve: () => void
  #isOver = false
  #connected: { readonly connection: EndpointConnection; readonly connectMs: number } | undefined
  #joined: Splice | undefined

  constructor(request: FlowRequest, journal: FlowJournal) {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.ended = promise
    this.#resolve = resolve
    this.#request = request
    this.#journal = journal
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
    this.#journal.begin('inbound')
  }

  /** Joins the flow's stream to the endpoint. */
  serve(stream: Duplex, reset: () => void): void {
    if (this.#isOver || this.#connected === undefined) {
      reset()
      return
    }
    const joined = splice({ stream, reset }, this.#connected.connection)
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
    this.#journal.end({ ...known, outcome, bytesSent, bytesReceived, durationMs })
  }

  #elapsedMs(): number {
    return performance.now() - this.#startedAt
  }
}
