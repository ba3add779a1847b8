import { DialError, type Dialer, type DialTarget, type EndpointConnection, type Logger } from '@edgeway/core'
import type { Connection, Stream } from '@libp2p/interface'
import { ProtocolError, StreamResetError } from '../errors.ts'
import { MAX_STREAMS } from '../host/limits.ts'
import { StreamDuplex } from '../host/stream-duplex.ts'
import { pathOf, type TunnelMetrics } from '../metrics.ts'
import type { PeerBook } from '../peer-book.ts'
import {
  decodeFlowAnswer,
  encodeFlowRequest,
  FLOW_FRAMES,
  FLOW_PROTOCOL,
  type FlowAnswerMessage,
  toDialError,
} from '../protocol/flow.ts'
import { readFrame } from '../protocol/frames.ts'
import type { PeerRecord } from '../protocol/registry.ts'
import { abortable } from './abortable.ts'
import type { OpenFlows } from './open-flows.ts'
import type { PeerConnections } from './peer-connections.ts'

export interface TunnelDialerOptions {
  /** Time for the other agent to take a stream: a round trip. */
  readonly openTimeoutMs: number
  /** Time for its answer: it may wait for its directory and connects to the Endpoint. */
  readonly answerTimeoutMs: number
}

export interface TunnelDialerDeps {
  readonly book: Pick<PeerBook, 'byNode'>
  readonly connections: Pick<PeerConnections, 'connect' | 'avoid'>
  readonly flows: OpenFlows
  readonly metrics: TunnelMetrics
  readonly logger: Logger
  /** To be called for each sign of life on a connection. */
  seen(connection: Connection): void
}

/** Opens flows to Endpoints on other nodes, through the peers that speak for those nodes. */
export class TunnelDialer implements Dialer {
  readonly #options: TunnelDialerOptions
  readonly #deps: TunnelDialerDeps

  constructor(options: TunnelDialerOptions, deps: TunnelDialerDeps) {
    this.#options = options
    this.#deps = deps
  }

  async dial(target: DialTarget, signal: AbortSignal): Promise<EndpointConnection> {
    const { metrics, logger } = this.#deps
    try {
      const connection = await this.#dial(target, signal)
      metrics.flows.add({ direction: 'outbound', path: connection.path })
      return connection
    } catch (error) {
      const reason = error instanceof DialError ? error.failure : 'aborted'
      metrics.failures.add({ direction: 'outbound', reason })
      logger.debug('flow could not be opened', { service: target.service, node: target.endpoint.node, error })
      throw error
    }
  }

  /** A connection that turns out to be dead is replaced once: no byte of the flow was sent yet. */
  async #dial(target: DialTarget, signal: AbortSignal): Promise<EndpointConnection> {
    signal.throwIfAborted()
    const peer = this.#peerOf(target)
    const first = await this.#connect(peer, target, signal)
    try {
      return await this.#open(first, target, signal)
    } catch (error) {
      signal.throwIfAborted()
      if (error instanceof DialError) throw error
      this.#deps.connections.avoid(first)
      this.#deps.logger.debug('connection did not take a flow, trying another one', {
        node: peer.node,
        error,
      })
    }
    const second = await this.#connect(peer, target, signal)
    try {
      return await this.#open(second, target, signal)
    } catch (cause) {
      signal.throwIfAborted()
      if (cause instanceof DialError) throw cause
      this.#deps.connections.avoid(second)
      const reason = `the agent of node ${peer.node} does not answer`
      throw new DialError(target.endpoint, { failure: 'unreachable', reason }, { cause })
    }
  }

  #peerOf({ endpoint }: DialTarget): PeerRecord {
    const { node } = endpoint
    const peer = node === undefined ? undefined : this.#deps.book.byNode(node)
    if (peer !== undefined) return peer
    const reason =
      node === undefined ? 'its node is not known' : `no tunnel server knows a peer for node ${node}`
    throw new DialError(endpoint, { failure: 'no-peer', reason })
  }

  async #connect(peer: PeerRecord, { endpoint }: DialTarget, signal: AbortSignal): Promise<Connection> {
    try {
      return await abortable(this.#deps.connections.connect(peer), signal)
    } catch (cause) {
      signal.throwIfAborted()
      const attempts = cause instanceof AggregateError ? cause.errors : [cause]
      if (attempts.some(isTimeout)) {
        throw new DialError(
          endpoint,
          { failure: 'timeout', reason: `node ${peer.node} did not answer` },
          { cause },
        )
      }
      const why = attempts.map((error) => (error instanceof Error ? error.message : String(error))).join('; ')
      const reason = `no path to node ${peer.node}: ${why || 'no tunnel server is joined and it has no public address'}`
      throw new DialError(endpoint, { failure: 'no-path', reason }, { cause })
    }
  }

  async #open(connection: Connection, target: DialTarget, signal: AbortSignal): Promise<EndpointConnection> {
    const libp2pStream = await this.#newStream(connection, target, signal)
    const stream = new StreamDuplex(libp2pStream, () => this.#deps.seen(connection))
    // Errors before the answer reach the caller by way of `readFrame`. Later ones are the owner's, but one who listens
    // late must not end the process.
    stream.on('error', () => {})
    try {
      stream.write(encodeFlowRequest(target))
      const answer = await this.#readAnswer(stream, target, signal)
      if (answer.status !== 'ok') throw toDialError(target.endpoint, answer)
    } catch (error) {
      stream.reset()
      throw error
    }
    this.#deps.flows.add(stream)
    return { path: pathOf(connection), stream, reset: () => stream.reset() }
  }

  async #newStream(connection: Connection, { endpoint }: DialTarget, signal: AbortSignal): Promise<Stream> {
    const options = {
      signal: AbortSignal.any([signal, AbortSignal.timeout(this.#options.openTimeoutMs)]),
      maxOutboundStreams: MAX_STREAMS,
    }
    try {
      return await connection.newStream(FLOW_PROTOCOL, options)
    } catch (error) {
      if (!(error instanceof Error) || error.name !== 'UnsupportedProtocolError') throw error
      const reason = `node ${endpoint.node} does not speak ${FLOW_PROTOCOL}`
      throw toDialError(endpoint, { status: 'unsupported-version', reason })
    }
  }

  async #readAnswer(
    stream: StreamDuplex,
    target: DialTarget,
    signal: AbortSignal,
  ): Promise<FlowAnswerMessage> {
    const timeout = AbortSignal.timeout(this.#options.answerTimeoutMs)
    try {
      const frame = await readFrame(stream, FLOW_FRAMES, AbortSignal.any([signal, timeout]))
      if (frame === undefined) throw new StreamResetError('the stream ended before an answer came')
      return decodeFlowAnswer(frame)
    } catch (cause) {
      const { endpoint } = target
      if (timeout.aborted && !signal.aborted) {
        throw new DialError(
          endpoint,
          { failure: 'timeout', reason: `node ${endpoint.node} gave no answer` },
          { cause },
        )
      }
      if (!(cause instanceof ProtocolError)) throw cause
      throw new DialError(endpoint, { failure: 'rejected', reason: 'the answer can not be read' }, { cause })
    }
  }
}

function isTimeout(error: unknown): boolean {
  return error instanceof Error && error.name === 'TimeoutError'
}
