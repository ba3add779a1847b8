import type { Duplex } from 'node:stream'
import type { EndpointAddress } from '../model/endpoint.ts'
import type { Path } from '../model/path.ts'
import type { ServicePortName } from '../model/service.ts'

/** What to connect to; `service` says on whose behalf, for the logs and metrics of both ends. */
export interface DialTarget {
  readonly endpoint: EndpointAddress
  readonly service: ServicePortName
}

/** A byte pipe to an Endpoint, open in both directions. For a UDP Endpoint its bytes are datagrams, each behind its length in two bytes, big endian. */
export interface EndpointConnection {
  readonly path: Path
  /**
   * `allowHalfOpen`: `end()` sends FIN and leaves the other direction alone. A reset by the other side is an
   * `error` event. The owner of the connection must read `stream` or destroy it.
   */
  readonly stream: Duplex
  /** Resets the connection in both directions; the other side sees an error, not an end of stream. */
  reset(): void
}

/**
 * Connects to Endpoints. Implemented by `DirectDialer` and `NodeAwareDialer` (traffic), `TunnelDialer` (tunnel) and
 * `FakeDialer` (testbed).
 */
export interface Dialer {
  /**
   * @throws {DialError} when the Endpoint can't be reached; `retryable` says whether another Endpoint may do.
   *   Rejects with the signal's reason when `signal` aborts first.
   */
  dial(target: DialTarget, signal: AbortSignal): Promise<EndpointConnection>
  /**
   * How long a dial that goes on now may take in all, in ms, by what is known of the way by now: a slow one is given more than
   * the caller's own time. 0 or absent: nothing is known that asks for more.
   */
  patienceMs?(endpoint: EndpointAddress): number
}
