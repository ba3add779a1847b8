import type { EndpointAddress, Path, ServicePortName } from '@edgeway/core'

/**
 * How a UDP session ended.
 *
 * - `completed`: it was answered, then nothing came for too long, or its place was needed
 * - `no-answer`: its datagrams were sent, and nothing ever came back
 * - `endpoint-refused`: the endpoint's port is closed
 * - `dial-failed`: no endpoint could be connected to
 * - `no-endpoint`: there was none to choose from
 * - `over-limit`: there were too many sessions, and none whose place could be taken
 * - `cut`: by the agent's stop, the loss of the tunnel, or since its ServicePort or endpoint has gone
 */
export type SessionOutcome =
  | 'completed'
  | 'no-answer'
  | 'endpoint-refused'
  | 'dial-failed'
  | 'no-endpoint'
  | 'over-limit'
  | 'cut'

/** What is known of a UDP session at its end; what never became known is `undefined`. */
export interface SessionRecord {
  readonly outcome: SessionOutcome
  readonly service: ServicePortName
  readonly endpoint: EndpointAddress | undefined
  readonly path: Path | undefined
  /** Address and port, IPv6 in brackets. */
  readonly client: string
  /** From the client, and passed on to the endpoint. */
  readonly datagramsSent: number
  /** From the endpoint, and passed on to the client. */
  readonly datagramsReceived: number
  /** Of payload. */
  readonly bytesSent: number
  readonly bytesReceived: number
  /** From the first datagram to the end. */
  readonly durationMs: number
  /** From the first datagram to the endpoint that took it. */
  readonly connectMs: number | undefined
  readonly error: unknown
}
