import { type Logger, limitedWarn } from '@edgeway/core'
import type { Connection, Stream } from '@libp2p/interface'
import { MAX_STREAMS } from '../host/limits.ts'
import type { ServerMetrics, ServerRefusal } from '../metrics.ts'
import {
  type CircuitStatus,
  decodeHopRequest,
  decodeStopStatus,
  encodeHopStatus,
  encodeStopConnect,
  readMessage,
  STOP_PROTOCOL,
} from '../protocol/circuit.ts'
import { splice } from './splice.ts'

export interface CircuitRelayDeps {
  /** Whether that peer is a member and connected. */
  isJoined(peerId: string): boolean
  /** To be called for each sign of life on a connection. */
  seen(connection: Connection): void
  readonly logger: Logger
  readonly metrics: ServerMetrics
  /** For the whole exchange in front of a circuit. */
  readonly handshakeTimeoutMs: number
}

/** js-libp2p renews a reservation 5 minutes before its end. */
const RESERVATION_SECONDS = 2 * 60 * 60

/**
 * The relay: lets members reserve, and joins streams of two members to a circuit. A reservation is the connection that
 * it was asked for on, and ends with it.
 *
 * js-libp2p's own relay is not used: it joins two streams by `pipe(a, b, a)`, which wraps `a` twice and keeps every byte
 * from `a` in the wrapper that nobody reads (circuit-relay-v2 4.2, utils 7.4), and its reading side has no back-pressure.
 */
export class CircuitRelay {
  readonly #deps: CircuitRelayDeps
  /** By the peer's multihash, in hex, as circuits are asked for by it. */
  readonly #reservations = new Map<string, Connection>()
  readonly #warn: Logger['warn']

  constructor(deps: CircuitRelayDeps) {
    this.#deps = deps
    this.#warn = limitedWarn(deps.logger)
  }

  /** Serves one hop stream up to the point where a circuit stands. Never rejects. */
  async serve(stream: Stream, connection: Connection): Promise<void> {
    const signal = AbortSignal.timeout(this.#deps.handshakeTimeoutMs)
    try {
      const request = decodeHopRequest(await readMessage(stream, signal))
      if (request.type === 'reserve') await this.#answer(stream, this.#reserve(connection), signal)
      else await this.#connect(stream, { from: connection, to: request.peer }, signal)
    } catch (error) {
      this.#deps.logger.debug('circuit could not be made', { peer: connection.remotePeer.toString(), error })
      abort(stream, error)
    }
  }

  #reserve(connection: Connection): CircuitStatus {
    const peer = connection.remotePeer.toString()
    if (!this.#deps.isJoined(peer)) return this.#deny('reservation', { peer })
    const key = keyOf(connection.remotePeer.toMultihash().bytes)
    if (this.#reservations.get(key) === connection) return 'ok'
    if (connection.status !== 'open') return 'connectionFailed'
    this.#reservations.set(key, connection)
    this.#countReservations()
    connection.addEventListener('close', () => {
      if (this.#reservations.get(key) !== connection) return
      this.#reservations.delete(key)
      this.#countReservations()
    })
    return 'ok'
  }

  async #connect(
    hop: Stream,
    circuit: { from: Connection; to: Uint8Array },
    signal: AbortSignal,
  ): Promise<void> {
    const { from } = circuit
    const peer = from.remotePeer.toString()
    if (!this.#deps.isJoined(peer)) return this.#answer(hop, this.#deny('circuit', { peer }), signal)
    const to = this.#reservations.get(keyOf(circuit.to))
    if (to?.status !== 'open') return this.#answer(hop, 'noReservation', signal)
    const destination = to.remotePeer.toString()
    if (!this.#deps.isJoined(destination)) {
      return this.#answer(hop, this.#deny('circuit', { peer, destination }), signal)
    }

    const stop = await this.#offer(to, from.remotePeer.toMultihash().bytes, signal)
    if (stop === undefined) return this.#answer(hop, 'connectionFailed', signal)
    try {
      hop.send(encodeHopStatus('ok'))
    } catch (error) {
      abort(stop, error)
      throw error
    }
    this.#deps.metrics.circuits.add({})
    const { seen, metrics } = this.#deps
    const ends = [
      { stream: hop, seen: () => seen(from) },
      { stream: stop, seen: () => seen(to) },
    ] as const
    splice(...ends, (bytes) => metrics.relayedBytes.add({}, bytes))
  }

  /** The stream to a peer that takes the circuit; `undefined` when it does not. */
  async #offer(connection: Connection, peer: Uint8Array, signal: AbortSignal): Promise<Stream | undefined> {
    const stream = await connection.newStream(STOP_PROTOCOL, { signal, maxOutboundStreams: MAX_STREAMS })
    try {
      stream.send(encodeStopConnect(peer))
      if (decodeStopStatus(await readMessage(stream, signal))) return stream
    } catch (error) {
      abort(stream, error)
      throw error
    }
    stream.abort(new Error('the circuit was not taken'))
    return undefined
  }

  async #answer(stream: Stream, status: CircuitStatus, signal: AbortSignal): Promise<void> {
    const expireSeconds = status === 'ok' ? Math.floor(Date.now() / 1_000) + RESERVATION_SECONDS : undefined
    const { promise: ended, resolve } = Promise.withResolvers<void>()
    stream.addEventListener('close', () => resolve())
    signal.addEventListener('abort', () => resolve())
    stream.send(encodeHopStatus(status, expireSeconds))
    await stream.close({ signal })
    // A peer that never closes its side would keep the stream for ever.
    await ended
    if (stream.status !== 'closed') abort(stream, signal.reason)
  }

  #deny(reason: ServerRefusal, fields: Record<string, string>): CircuitStatus {
    this.#deps.metrics.refusals.add({ reason })
    this.#warn('refused to serve a peer that has not joined', { reason, ...fields })
    return 'permissionDenied'
  }

  #countReservations(): void {
    this.#deps.metrics.reservations.set({}, this.#reservations.size)
  }
}

function abort(stream: Stream, error: unknown): void {
  stream.abort(error instanceof Error ? error : new Error('the circuit could not be made'))
}

function keyOf(multihash: Uint8Array): string {
  return Buffer.from(multihash).toString('hex')
}
