import { circuitRelayTransport } from '@libp2p/circuit-relay-v2'
import type { Connection, PeerId, Stream, Transport } from '@libp2p/interface'
import { CIRCUIT_LIMITS } from './limits.ts'

type TransportFactory = ReturnType<typeof circuitRelayTransport>

/** libp2p's circuit transport as agents use it: reservations only where they are wanted, circuits only from there. */
export class Circuits {
  /** By the relay's PeerId, until it has answered. */
  readonly #reserving = new Map<string, Promise<unknown>>()
  #inside: CircuitTransport | undefined

  /** For libp2p, to be made once. */
  readonly transport: TransportFactory = (components) => {
    const transport = asCircuitTransport(
      circuitRelayTransport({
        ...CIRCUIT_LIMITS,
        // Says that each relay is known already: reservations are made by `reserve` only.
        discoveryFilter: { has: () => true, add: () => {}, remove: () => {} },
      })(components),
    )
    const { onStop } = transport
    transport.onStop = (stream, connection) => this.#accept(stream, connection, onStop)
    this.#inside = transport
    return transport
  }

  /** See `AgentHost.reserve`. */
  async reserve(relay: PeerId): Promise<void> {
    const key = relay.toString()
    const reserving = this.#transport.reservationStore.addRelay(relay, 'configured')
    this.#reserving.set(key, reserving)
    try {
      await reserving
    } finally {
      if (this.#reserving.get(key) === reserving) this.#reserving.delete(key)
    }
  }

  /** See `AgentHost.onReservationLost`. */
  onLost(listener: (relay: PeerId) => void): Disposable {
    const { reservationStore } = this.#transport
    const onRemoved = ({ detail }: RelayRemoved): void => listener(detail.relay)
    reservationStore.addEventListener('relay:removed', onRemoved)
    return { [Symbol.dispose]: () => reservationStore.removeEventListener('relay:removed', onRemoved) }
  }

  get #transport(): CircuitTransport {
    if (this.#inside === undefined) throw new TypeError('libp2p did not make its circuit transport')
    return this.#inside
  }

  /**
   * libp2p takes circuits from anybody, and reserves there, too: a stranger would get a listener and a connection's worth of
   * memory for each stream, which stay for good.
   */
  async #accept(stream: Stream, connection: Connection, accept: CircuitTransport['onStop']): Promise<void> {
    const relay = connection.remotePeer
    // The relay may be quicker to offer a circuit than its answer is read.
    await this.#reserving.get(relay.toString())?.catch(() => {})
    if (this.#transport.reservationStore.hasReservation(relay)) await accept(stream, connection)
    else stream.abort(new Error('a circuit from a peer that is no relay of this node'))
  }
}

/**
 * The public part of libp2p's circuit transport that its types leave out. `transportManager.listen` would reserve, too, but
 * leaves a listener behind at each call; closing one of them ends the reservations at all relays.
 */
interface CircuitTransport extends Transport {
  readonly reservationStore: {
    addRelay(relay: PeerId, type: 'configured'): Promise<unknown>
    hasReservation(relay: PeerId): boolean
    addEventListener(type: 'relay:removed', listener: (event: RelayRemoved) => void): void
    removeEventListener(type: 'relay:removed', listener: (event: RelayRemoved) => void): void
  }
  /** Bound to the transport; libp2p registers what is here when it starts. */
  onStop(stream: Stream, connection: Connection): Promise<void>
}

type RelayRemoved = CustomEvent<{ readonly relay: PeerId }>

/** @throws {TypeError} when libp2p hides them */
function asCircuitTransport(transport: Transport): CircuitTransport {
  if (!('reservationStore' in transport && 'onStop' in transport))
    throw new TypeError('libp2p hides its reservation store')
  return transport as CircuitTransport
}
