import {
  DialError,
  type Dialer,
  type DialTarget,
  type EndpointAddress,
  type EndpointConnection,
  type Logger,
  type NodeName,
} from '@edgeway/core'
import type { Connection } from '@libp2p/interface'
import {
  ProtocolError,
  SilentConnectionError,
  StreamResetError,
  UnsupportedProtocolError,
} from '../../errors.ts'
import type { Host } from '../../host/host.ts'
import type { StreamDuplex } from '../../host/stream-duplex.ts'
import { pathOf, type TunnelMetrics } from '../../metrics.ts'
import {
  decodeFlowAnswer,
  encodeFlowRequest,
  FLOW_FRAMES,
  FLOW_PROTOCOL,
  type FlowAnswerMessage,
  toDialError,
} from '../../protocol/flow.ts'
import { readFrame } from '../../protocol/frames.ts'
import { abortable } from '../abortable.ts'
import { openStream } from '../early-stream.ts'
import type { AwaitedAnswer } from '../paths/choice/hedge.ts'
import type { PathManager } from '../paths/path-manager.ts'
import { reasonOf } from '../paths/status/path-status.ts'
import type { PeerPaths } from '../paths/ways/candidates.ts'
import type { OpenFlows } from './open-flows.ts'

export interface TunnelDialerOptions {
  /** Time for the other agent to take a stream, at least: a round trip. */
  readonly openTimeoutMs: number
  /** Time for its answer, at least: it may wait for its directory and connects to the Endpoint. */
  readonly answerTimeoutMs: number
}

export interface TunnelDialerDeps {
  /** Finds the peer that speaks for a node. */
  readonly lookup: { find(node: NodeName): Promise<PeerPaths | undefined> }
  readonly paths: Pick<PathManager, 'connect' | 'avoid' | 'awaitAnswer' | 'patienceMs'>
  readonly flows: OpenFlows
  readonly metrics: TunnelMetrics
  readonly logger: Logger
  readonly host: Pick<Host, 'liveness'>
}

/** To open a flow on a connection. */
interface Attempt {
  readonly connection: Connection
  readonly answer: AwaitedAnswer
}

/** Of connections for one flow. */
const MAX_ATTEMPTS = 3

/** Opens flows to Endpoints on other nodes, through the peers that speak for those nodes. */
export class TunnelDialer implements Dialer {
  readonly #options: TunnelDialerOptions
  readonly #deps: TunnelDialerDeps
  /** As they were found last. */
  readonly #peers = new WeakMap<EndpointAddress, PeerPaths>()

  constructor(options: TunnelDialerOptions, deps: TunnelDialerDeps) {
    this.#options = options
    this.#deps = deps
  }

  patienceMs(endpoint: EndpointAddress): number {
    const peer = this.#peers.get(endpoint)
    return peer === undefined ? 0 : this.#deps.paths.patienceMs(peer.peerId)
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

  /** A connection that turns out to be dead is replaced by the next best: no byte of the flow was sent yet. */
  async #dial(target: DialTarget, signal: AbortSignal): Promise<EndpointConnection> {
    signal.throwIfAborted()
    const peer = await this.#peerOf(target, signal)
    this.#peers.set(target.endpoint, peer)
    let cause: unknown
    for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt++) {
      const connection = await this.#connect(peer, target, signal)
      try {
        using answer = this.#deps.paths.awaitAnswer(peer, connection)
        return await this.#open({ connection, answer }, target, signal)
      } catch (error) {
        signal.throwIfAborted()
        if (error instanceof DialError) throw error
        this.#passOver(connection, error)
        cause = error
      }
    }
    const reason = `the agent of node ${peer.node} does not answer`
    throw new DialError(target.endpoint, { failure: 'unreachable', reason }, { cause })
  }

  /** A silent connection is passed over as long as it is silent, any other for a while. */
  #passOver(connection: Connection, error: unknown): void {
    if (!(error instanceof SilentConnectionError)) this.#deps.paths.avoid(connection)
    const peer = connection.remotePeer.toString()
    this.#deps.logger.debug('connection did not take a flow, trying another one', { peer, error })
  }

  async #peerOf({ endpoint }: DialTarget, signal: AbortSignal): Promise<PeerPaths> {
    const { node } = endpoint
    const peer = node === undefined ? undefined : await abortable(this.#deps.lookup.find(node), signal)
    if (peer !== undefined) return peer
    const reason = node === undefined ? 'its node is not known' : `nobody knows a peer for node ${node}`
    throw new DialError(endpoint, { failure: 'no-peer', reason })
  }

  async #connect(peer: PeerPaths, { endpoint }: DialTarget, signal: AbortSignal): Promise<Connection> {
    try {
      return await abortable(this.#deps.paths.connect(peer), signal)
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
      const reason = `no path to node ${peer.node}: ${reasonOf(cause)}`
      throw new DialError(endpoint, { failure: 'no-path', reason }, { cause })
    }
  }

  async #open(
    { connection, answer }: Attempt,
    target: DialTarget,
    signal: AbortSignal,
  ): Promise<EndpointConnection> {
    const { host, flows } = this.#deps
    const alive = AbortSignal.any([signal, host.liveness.suspicion(connection)])
    const stream = await this.#openStream(connection, target, AbortSignal.any([alive, answer.signal]))
    // What takes its time from now on is the Endpoint.
    answer[Symbol.dispose]()
    try {
      const answer = await this.#readAnswer(stream, { target, connection }, alive)
      if (answer.status !== 'ok') throw toDialError(target.endpoint, answer)
    } catch (error) {
      stream.reset()
      throw error
    }
    flows.add(stream)
    return { path: pathOf(connection), stream, reset: () => stream.reset() }
  }

  async #openStream(connection: Connection, target: DialTarget, signal: AbortSignal): Promise<StreamDuplex> {
    const { liveness } = this.#deps.host
    const opening = { connection, liveness, protocol: FLOW_PROTOCOL, firstBytes: encodeFlowRequest(target) }
    using deadline = liveness.deadline(connection, { roundTrips: 1, floorMs: this.#options.openTimeoutMs })
    try {
      return await openStream(opening, AbortSignal.any([signal, deadline.signal]))
    } catch (error) {
      if (!(error instanceof UnsupportedProtocolError)) throw error
      const reason = `node ${target.endpoint.node} does not speak ${FLOW_PROTOCOL}`
      throw toDialError(target.endpoint, { status: 'unsupported-version', reason })
    }
  }

  async #readAnswer(
    stream: StreamDuplex,
    { target, connection }: { readonly target: DialTarget; readonly connection: Connection },
    signal: AbortSignal,
  ): Promise<FlowAnswerMessage> {
    const { liveness } = this.#deps.host
    const step = { roundTrips: 1, floorMs: this.#options.answerTimeoutMs }
    using deadline = liveness.deadline(connection, step)
    // The stream itself waits for nothing any more once the other side has taken it.
    using _ = liveness.awaiting(connection)
    try {
      const frame = await readFrame(stream, FLOW_FRAMES, AbortSignal.any([signal, deadline.signal]))
      if (frame === undefined) throw new StreamResetError('the stream ended before an answer came')
      return decodeFlowAnswer(frame)
    } catch (cause) {
      const { endpoint } = target
      if (deadline.signal.aborted && !signal.aborted) {
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
