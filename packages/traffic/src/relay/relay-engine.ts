import type { Duplex } from 'node:stream'

/** One end of a flow: its byte stream, and the way to reset it rather than end it. */
export interface FlowEnd {
  readonly stream: Duplex
  reset(): void
}

/**
 * How a relayed flow ended: both ends were done, one of them reset or broke off, nothing came for too long, it had lasted
 * as long as it may, or it was cut by the agent.
 */
export type RelayOutcome =
  | 'completed'
  | 'client-reset'
  | 'endpoint-reset'
  | 'idle-timeout'
  | 'max-duration'
  | 'cut'

/** A flow whose ends are joined. */
export interface Relay {
  /** Bytes from the client to the endpoint, so far. */
  readonly bytesSent: number
  /** Bytes from the endpoint to the client, so far. */
  readonly bytesReceived: number
  /** Resolves once both ends are closed; never rejects. */
  readonly ended: Promise<RelayOutcome>
  /** Resets both ends now. */
  cut(): void
}

/** In milliseconds; `undefined`: without limit. */
export interface RelayLimits {
  /** Without a byte in either direction. */
  readonly idleTimeoutMs: number | undefined
  readonly maxDurationMs: number | undefined
}

/**
 * Joins the two ends of a flow: bytes go both ways with back-pressure, the end of one direction is passed on while the
 * other goes on, and a reset of one end resets the other. What was read of a stream before stays in its buffer and comes
 * first. All engines pass one contract suite.
 */
export interface RelayEngine {
  readonly name: 'stream' | 'handle' | 'splice'
  /** Owns both ends from the call on. */
  relay(client: FlowEnd, endpoint: FlowEnd, limits: RelayLimits): Relay
}
