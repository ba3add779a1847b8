import { type Logger, limitedWarn } from '@edgeway/core'
import type { Connection, Stream } from '@libp2p/interface'
import { UnsupportedProtocolError } from '../../errors.ts'
import { muxerOf } from '../../host/connection-parts.ts'
import type { ServerMetrics, ServerRefusal } from '../../metrics.ts'
import {
  type CircuitStatus,
  decodeHopRequest,
  decodeStopStatus,
  encodeHopStatus,
  encodeStopConnect,
  readMessage,
  STOP_PROTOCOL,
} from '../../protocol/circuit.ts'
import { encodeNegotiation, negotiationTexts } from '../../protocol/negotiation.ts'
import { type CircuitUse, QuotaUse, type RelayQuota } from './relay-quota.ts'
import { splice } from './splice.ts'

export interface CircuitRelayDeps {
  /** Whether that peer is a member and connected: nobody else is served. Asked anew at each reservation and circuit. */
  isJoined(peerId: string): boolean
  /** Resolves when what a peer has said of itself on that connection is judged. */
  judged(connection: Connection): Promise<void>
  readonly quota: RelayQuota
  /** To be called for each sign of life on a connection. */
  seen(connection: Connection): void
  readonly logger: Logger
  readonly metrics: ServerMetrics
  /** For the whole exchange in front of a circuit. */
  readonly handshakeTimeoutMs: number
}

type RelayRefusal = Extract<ServerRefusal, 'reservation' | 'circuit' | 'reservation-quota' | 'circuit-quota'>

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
  /** By the peer's multihash, in hex, as circuits are asked for by it; the newest last. */
  readonly #reservations = new Map<string, readonly Connection[]>()
  readonly #use: QuotaUse
  readonly #warn: Logger['warn']
  #openCircuits = 0

  constructor(deps: CircuitRelayDeps) {
    this.#deps = deps
    this.#use = new QuotaUse(deps.quota)
    this.#warn = limitedWarn(deps.logger)
  }

  /** Serves one hop stream up to the point where a circuit stands. Never rejects. */
  async serve(stream: Stream, connection: Connection): Promise<void> {
    const signal = AbortSignal.timeout(this.#deps.handshakeTimeoutMs)
    try {
      const request = decodeHopRequest(await readMessage(stream, signal))
      await this.#deps.judged(connection)
      if (request.type === 'reserve') await this.#answer(stream, this.#reserve(connection), signal)
      else await this.#connect(stream, { from: connection, to: request.peer }, signal)
    } catch (error) {
      this.#deps.logger.debug('circuit could not be made', { peer: connection.remotePeer.toString(), error })
      abort(stream, error)
    }
  }

  #reserve(connection: Connection): CircuitStatus {
    const peer = connection.remotePeer.toString()
    if (!this.#deps.isJoined(peer)) return this.#refuse('reservation', { peer })
    const key = keyOf(connection.remotePeer.toMultihash().bytes)
    const held = this.#reservations.get(key) ?? []
    if (held.includes(connection)) return 'ok'
    const { reservationsPerMember } = this.#deps.quota
    if (held.length >= reservationsPerMember) {
      return this.#refuse('reservation-quota', { peer, limit: reservationsPerMember })
    }
    if (connection.status !== 'open') return 'connectionFailed'
    this.#reservations.set(key, [...held, connection])
    this.#countReservations()
    connection.addEventListener('close', () => this.#endReservation(key, connection))
    return 'ok'
  }

  #endReservation(key: string, connection: Connection): void {
    const left = this.#reservations.get(key)?.filter((held) => held !== connection) ?? []
    if (left.length > 0) this.#reservations.set(key, left)
    else this.#reservations.delete(key)
    this.#countReservations()
  }

  async #connect(
    hop: Stream,
    circuit: { from: Connection; to: Uint8Array },
    signal: AbortSignal,
  ): Promise<void> {
    const peer = circuit.from.remotePeer.toString()
    if (!this.#deps.isJoined(peer)) return this.#answer(hop, this.#refuse('circuit', { peer }), signal)
    const held = this.#reservations.get(keyOf(circuit.to)) ?? []
    const to = held.findLast(({ status }) => status === 'open')
    if (to === undefined) return this.#answer(hop, 'noReservation', signal)
    const destination = to.remotePeer.toString()
    if (!this.#deps.isJoined(destination)) {
      return this.#answer(hop, this.#refuse('circuit', { peer, destination }), signal)
    }
    const use = this.#use.open(peer, destination)
    if (use === undefined) {
      const limit = this.#deps.quota.circuitsPerMember
      return this.#answer(hop, this.#refuse('circuit-quota', { peer, destination, limit }), signal)
    }
    const end = onceOnly(() => use.end())
    hop.addEventListener('close', end)
    if (isOver(hop)) end()
    try {
      const isStanding = await this.#join(hop, { from: circuit.from, to, use }, signal)
      if (!isStanding) await this.#answer(hop, 'connectionFailed', signal)
    } catch (error) {
      end()
      throw error
    }
  }

  /** False when the other peer does not take the circuit. */
  async #join(
    hop: Stream,
    { from, to, use }: { from: Connection; to: Connection; use: CircuitUse },
    signal: AbortSignal,
  ): Promise<boolean> {
    const stop = await this.#offer(to, from.remotePeer.toMultihash().bytes, signal)
    if (stop === undefined) return false
    try {
      hop.send(encodeHopStatus('ok'))
    } catch (error) {
      abort(stop, error)
      throw error
    }
    this.#countCircuit(hop)
    const { seen, metrics } = this.#deps
    const ends = [
      { stream: hop, seen: () => seen(from) },
      { stream: stop, seen: () => seen(to) },
    ] as const
    const count = (bytes: number): void => metrics.relayedBytes.add({}, bytes)
    splice(...ends, { count, waitAfter: use.waitAfter })
    return true
  }

  /** The stream to a peer that takes the circuit; `undefined` when it does not. */
  async #offer(connection: Connection, peer: Uint8Array, signal: AbortSignal): Promise<Stream | undefined> {
    const stream = await muxerOf(connection).createStream({ signal })
    stream.protocol = STOP_PROTOCOL
    try {
      // Along with the choice of the protocol: saves a round trip to the peer.
      stream.send(encodeNegotiation(STOP_PROTOCOL, encodeStopConnect(peer)))
      for (const text of negotiationTexts(STOP_PROTOCOL)) {
        if (!text.equals(await readMessage(stream, signal))) throw new UnsupportedProtocolError(STOP_PROTOCOL)
      }
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

  #refuse(reason: RelayRefusal, fields: Record<string, string | number>): CircuitStatus {
    this.#deps.metrics.refusals.add({ reason })
    const isQuota = reason === 'reservation-quota' || reason === 'circuit-quota'
    if (isQuota) this.#warn('refused to serve a member beyond its quota', { reason, ...fields })
    else this.#warn('refused to serve a peer that has not joined', { reason, ...fields })
    return isQuota ? 'resourceLimitExceeded' : 'permissionDenied'
  }

  #countReservations(): void {
    this.#deps.metrics.reservations.set({}, this.#reservations.size)
  }

  #countCircuit(hop: Stream): void {
    const { circuits, openCircuits } = this.#deps.metrics
    circuits.add({})
    openCircuits.set({}, ++this.#openCircuits)
    hop.addEventListener('close', () => openCircuits.set({}, --this.#openCircuits))
  }
}

function isOver({ status }: Stream): boolean {
  return status === 'closed' || status === 'aborted' || status === 'reset'
}

function onceOnly(call: () => void): () => void {
  let isCalled = false
  return () => {
    if (!isCalled) call()
    isCalled = true
  }
}

function abort(stream: Stream, error: unknown): void {
  stream.abort(error instanceof Error ? error : new Error('the circuit could not be made'))
}

function keyOf(multihash: Uint8Array): string {
  return Buffer.from(multihash).toString('hex')
}
