import {
  DialError,
  type EndpointAddress,
  formatEndpoint,
  type LogFields,
  type Path,
  type Protocol,
  type ServicePortName,
} from '@edgeway/core'
import type { RelayOutcome } from '../relay/relay-engine.ts'
import type { SessionOutcome } from '../udp/session-record.ts'

/** `outbound`: a client of this node calls. `inbound`: another node calls a pod of this one. */
export type FlowDirection = 'outbound' | 'inbound'

/**
 * How a connection ended: as its relay did, or before there was one: no endpoint was ready, none could be dialled, the
 * client left meanwhile, no ServicePort explains the connection, or its ServicePort had as many as it may have; or it was
 * HTTP's, and the client sent what is none.
 */
export type TcpFlowOutcome =
  | RelayOutcome
  | 'no-endpoint'
  | 'dial-failed'
  | 'client-gone'
  | 'not-redirected'
  | 'over-limit'
  | 'bad-request'

export type FlowOutcome = TcpFlowOutcome | SessionOutcome

/** What is known of a connection or UDP session at its end; what never became known is `undefined`. */
export interface FlowRecord {
  /** TCP unless given. */
  readonly protocol?: Protocol | undefined
  readonly direction: FlowDirection
  readonly outcome: FlowOutcome
  readonly service: ServicePortName | undefined
  readonly endpoint?: EndpointAddress | undefined
  readonly path?: Path | undefined
  /** Address of the client, or name of the node that asked. */
  readonly client: string
  /** Of payload, from the client to the endpoint. */
  readonly bytesSent?: number | undefined
  /** Of payload, from the endpoint to the client. */
  readonly bytesReceived?: number | undefined
  /** Of UDP only, as are those received. */
  readonly datagramsSent?: number | undefined
  readonly datagramsReceived?: number | undefined
  /** From the accept, or the first datagram, to the end. */
  readonly durationMs: number
  /** From the accept, or the first datagram, to the connected endpoint. */
  readonly connectMs?: number | undefined
  /** HTTP requests that it carried, each to an endpoint of its own; what they were is told of each. */
  readonly requests?: number | undefined
  /** How many endpoints were tried, the last one included. */
  readonly attempts?: number | undefined
  /** That the client of a TLS connection asked for. */
  readonly serverName?: string | undefined
  readonly error?: unknown
}

/** As fields of a log line, with `reason` where an error tells one. Costs an object: make it only for a line that is written. */
export function flowLogFields(record: FlowRecord): LogFields {
  const { endpoint, durationMs, connectMs } = record
  const reason = reasonOf(record.error)
  return {
    ...record,
    ...(endpoint === undefined ? {} : { endpoint: formatEndpoint(endpoint) }),
    durationMs: tenths(durationMs),
    ...(connectMs === undefined ? {} : { connectMs: tenths(connectMs) }),
    ...(reason === undefined ? {} : { reason }),
  }
}

/** One word where there is one: what a dial failed in, or an error's code; else its message. */
function reasonOf(error: unknown): string | undefined {
  if (error === undefined) return undefined
  if (error instanceof DialError) return error.failure
  if (!(error instanceof Error)) return String(error)
  return 'code' in error && typeof error.code === 'string' ? error.code : error.message
}

/** For people: microseconds are noise. */
export function tenths(ms: number): number {
  return Math.round(ms * 10) / 10
}
