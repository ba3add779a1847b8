import type { FlowAnswer, FlowHandler, FlowRequest, Logger, NodeName } from '@edgeway/core'
import type { Connection, Stream } from '@libp2p/interface'
import { ProtocolError, StreamResetError } from '../../errors.ts'
import type { Host } from '../../host/host.ts'
import type { ProgressDeadline } from '../../host/patience.ts'
import { StreamDuplex } from '../../host/stream-duplex.ts'
import { type FlowFailure, pathOf, type TunnelMetrics } from '../../metrics.ts'
import { decodeFlowRequest, encodeFlowAnswer, FLOW_FRAMES } from '../../protocol/flow.ts'
import { readFrame } from '../../protocol/frames.ts'
import type { OpenFlows } from './open-flows.ts'

export interface InboundFlowsDeps {
  /** Which node is at the other end of a connection; `undefined`: no member. */
  readonly members: { memberOf(connection: Connection): Promise<{ readonly node: NodeName } | undefined> }
  readonly flows: OpenFlows
  readonly metrics: TunnelMetrics
  readonly logger: Logger
  /** Time for the request to come, once the stream is open, at least. */
  readonly requestTimeoutMs: number
  readonly host: Pick<Host, 'liveness'>
}

type Request = Omit<FlowRequest, 'from'>
type Refusal = Exclude<FlowAnswer, { readonly status: 'ok' }>

/** Takes streams of other agents, reads what they ask for, and hands them to the FlowHandler. */
export class InboundFlows {
  readonly #deps: InboundFlowsDeps
  #handler: FlowHandler | undefined
  #isDraining = false

  constructor(deps: InboundFlowsDeps) {
    this.#deps = deps
  }

  /** Until this is called flows are refused as `starting`. */
  serve(handler: FlowHandler): void {
    this.#handler = handler
  }

  /** From now on flows are refused as `draining`. */
  drain(): void {
    this.#isDraining = true
  }

  /** Serves one stream. Never rejects. */
  async accept(libp2pStream: Stream, connection: Connection): Promise<void> {
    const stream = new StreamDuplex(libp2pStream, this.#deps.host.liveness.activity(connection))
    const closed = new AbortController()
    // Stays for the whole life of the stream: a reset that no one else listens for would end the process.
    stream.on('error', (error) => closed.abort(error))
    stream.on('close', () => closed.abort(new StreamResetError()))
    try {
      await this.#accept(stream, connection, closed.signal)
    } catch (error) {
      this.#fail('aborted', { peer: connection.remotePeer.toString(), error })
      stream.reset()
    }
  }

  async #accept(stream: StreamDuplex, connection: Connection, closed: AbortSignal): Promise<void> {
    const peer = connection.remotePeer.toString()
    const from = (await this.#deps.members.memberOf(connection))?.node
    if (from === undefined) {
      this.#fail('unknown-peer', { peer })
      stream.reset()
      return
    }
    const request = await this.#readRequest(stream, connection, closed)
    const answer = request === undefined ? UNREADABLE : await this.#answer({ ...request, from }, closed)
    if (answer.status !== 'ok') {
      this.#fail(answer.status, { from, service: request?.service, explanation: answer.reason })
      this.#refuse(stream, connection, answer)
      return
    }
    if (stream.destroyed) {
      this.#fail('aborted', { from })
      answer.abandon()
      return
    }
    stream.write(encodeFlowAnswer({ status: 'ok', reason: '' }))
    this.#deps.flows.add(stream)
    this.#deps.metrics.flows.add({ direction: 'inbound', path: pathOf(connection) })
    answer.serve(stream, () => stream.reset())
  }

  /** The other agent gets as long to close its side as it had for its request. */
  #refuse(stream: StreamDuplex, connection: Connection, refusal: Refusal): void {
    if (stream.destroyed) return
    const deadline = this.#deadline(connection)
    deadline.signal.addEventListener('abort', () => stream.reset())
    stream.once('close', () => deadline[Symbol.dispose]())
    stream.resume().end(encodeFlowAnswer(refusal))
  }

  /** `undefined` for what can't be read. */
  async #readRequest(
    stream: StreamDuplex,
    connection: Connection,
    closed: AbortSignal,
  ): Promise<Request | undefined> {
    using deadline = this.#deadline(connection)
    const signal = AbortSignal.any([closed, deadline.signal])
    try {
      const frame = await readFrame(stream, FLOW_FRAMES, signal)
      return frame === undefined ? undefined : decodeFlowRequest(frame)
    } catch (error) {
      if (error instanceof ProtocolError) return undefined
      throw error
    }
  }

  #deadline(connection: Connection): ProgressDeadline {
    const { host, requestTimeoutMs } = this.#deps
    return host.liveness.deadline(connection, { roundTrips: 1, floorMs: requestTimeoutMs })
  }

  async #answer(request: FlowRequest, closed: AbortSignal): Promise<FlowAnswer> {
    if (this.#isDraining) return { status: 'draining', reason: 'the agent is about to stop' }
    if (this.#handler === undefined) return { status: 'starting', reason: 'the agent serves no flows yet' }
    return await this.#handler.open(request, closed)
  }

  #fail(reason: FlowFailure, fields: { readonly from?: NodeName; readonly [field: string]: unknown }): void {
    this.#deps.metrics.failures.add({ direction: 'inbound', reason })
    this.#deps.logger.debug('refused a flow of another node', { reason, ...fields })
  }
}

const UNREADABLE: Refusal = { status: 'bad-request', reason: 'the request can not be read' }
