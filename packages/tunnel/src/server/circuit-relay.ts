import type { Logger } from '@edgeway/core'
import type { Connection, Stream } from '@libp2p/interface'
import { MAX_STREAMS } from '../limits.ts'
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
}

/** js-libp2p renews a reservation 5 minutes before its end. */
const RESERVATION_SECONDS = 2 * 60 * 60
/** For the whole exchange in front of a circuit. */
const HANDSHAKE_TIMEOUT_MS = 10_000

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

  constructor(deps: CircuitRelayDeps) {
    this.#deps = deps
  }

  /** Serves one hop stream up to the point where a circuit stands. Never rejects. */
  async serve(stream: Stream, connection: Connection): Promise<void> {
    const signal = AbortSignal.timeout(HANDSHAKE_TIMEOUT_MS)
    try {
      const request = decodeHopRequest(await readMessage(stream, signal))
      if (request.type === 'reserve') await this.#answer(stream, this.#reserve(connection), signal)
      else await this.#connect(stream, { from: connection, to: request.peer }, signal)
    } catch (error) {
      this.#deps.logger.debug('circuit could not be made', { peer: connection.remotePeer.toString(), error })
      stream.abort(error instanceof Error ? error : new Error('circuit could not be made'))
    }
  }

  #reserve(connection: Connection): CircuitStatus {
    const peer = connection.remotePeer.toString()
    if (!this.#deps.isJoined(peer)) return this.#deny('reservation', { peer })
    const key = keyOf(connection.remotePeer.toMultihash().bytes)
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
    hop.send(encodeHopStatus('ok'))
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
      await stream.close({ signal })
      return undefined
    } catch (error) {
      stream.abort(error instanceof Error ? error : new Error('the circuit was not taken'))
      throw error
    }
  }

  async #answer(stream: Stream, status: CircuitStatus, signal: AbortSignal): Promise<void> {
    const expireSeconds = status === 'ok' ? Math.floor(Date.now() / 1_000) + RESERVATION_SECONDS : undefined
    stream.send(encodeHopStatus(status, expireSeconds))
    await stream.close({ signal })
  }

  #deny(reason: ServerRefusal, fields: Record<string, string>): CircuitStatus {
    this.#deps.metrics.refusals.add({ reason })
    this.#deps.logger.warn('refused to serve a peer that has not joined', { reason, ...fields })
    return 'permissionDenied'
  }

  #countReservations(): void {
    this.#deps.metrics.reservations.set({}, this.#reservations.size)
  }
}

function keyOf(multihash: Uint8Array): string {
  return Buffer.from(multihash).toString('hex')
}
