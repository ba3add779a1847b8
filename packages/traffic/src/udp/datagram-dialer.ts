import {
  DialError,
  type Dialer,
  type DialTarget,
  type EndpointConnection,
  formatEndpoint,
} from '@edgeway/core'
import type { Timers } from '../timers.ts'
import type { DatagramCounts } from './datagram-counts.ts'
import { DatagramDuplex } from './datagram-duplex.ts'
import { connectedSocket } from './datagram-socket.ts'

export interface DatagramDialerDeps {
  readonly timers: Timers
  /** Of datagrams that come and go by its connections. */
  readonly counts: DatagramCounts
  /** Without a datagram in either direction for so long the stream ends. */
  readonly idleTimeoutMs: number
  /** Open streams at most; each takes a descriptor. */
  readonly maxStreams: number
}

/** Connects to UDP endpoints of this node on behalf of other nodes: their datagrams as a stream of frames. */
export class DatagramDialer implements Dialer, Disposable {
  readonly #deps: DatagramDialerDeps
  readonly #open = new Set<DatagramDuplex>()
  #isOver = false

  constructor(deps: DatagramDialerDeps) {
    this.#deps = deps
  }

  async dial({ endpoint }: DialTarget, signal: AbortSignal): Promise<EndpointConnection> {
    signal.throwIfAborted()
    if (endpoint.protocol !== 'UDP') throw new TypeError(`${formatEndpoint(endpoint)} is not of UDP`)
    if (this.#isOver)
      throw new DialError(endpoint, { failure: 'rejected', reason: 'the agent is about to stop' })
    if (this.#open.size >= this.#deps.maxStreams)
      throw new DialError(endpoint, { failure: 'exhausted', reason: 'too many UDP flows of other nodes' })
    const stream = new DatagramDuplex(await connectedSocket(endpoint), this.#deps)
    this.#open.add(stream)
    stream.on('close', () => this.#open.delete(stream))
    if (this.#isOver) stream.finish()
    return { path: 'local', stream, reset: () => void stream.destroy() }
  }

  /** Ends all streams: nobody knows when another node's client has no more to say. */
  [Symbol.dispose](): void {
    this.#isOver = true
    for (const stream of this.#open) stream.finish()
  }
}
