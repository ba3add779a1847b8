import {
  type EndpointAddress,
  formatEndpoint,
  type LogFields,
  type Path,
  type ServicePortName,
} from '@edgeway/core'
import type { RouteReason } from '../http/policy/request-route.ts'
import { tenths } from './flow-record.ts'

/**
 * How a request ended. `completed`: its response went to the client as a whole, whatever its status. Otherwise: the client left
 * before; it sent what is no request; no endpoint was ready; as many were under way as may be; no endpoint could be
 * connected to; the endpoint broke the connection; its time was over; the agent stops; the endpoint sent what is no response.
 */
export type RequestOutcome =
  | 'completed'
  | 'client-gone'
  | 'bad-request'
  | 'no-endpoint'
  | 'over-limit'
  | 'dial-failed'
  | 'endpoint-failed'
  | 'timeout'
  | 'cut'
  | 'bad-response'

/** What is known of a request at its end; what never became known is `undefined`. */
export interface RequestRecord {
  readonly service: ServicePortName
  readonly protocol: 'http1' | 'http2'
  readonly method: string
  /** What the client got. */
  readonly status: number | undefined
  readonly outcome: RequestOutcome
  /** Address of the client. */
  readonly client: string
  /** The last one that was tried. */
  readonly endpoint: EndpointAddress | undefined
  /** How that one is reached, not the request's target: that one is nobody's business. */
  readonly path: Path | undefined
  /** How many times an endpoint was tried. */
  readonly attempts: number
  readonly why: RouteReason | undefined
  /** From the first byte of the request to the last of the response. */
  readonly durationMs: number
  /** From the client to the endpoint, heads included. */
  readonly bytesSent: number
  /** From the endpoint to the client, heads included. */
  readonly bytesReceived: number
  /** `grpc-status` of the trailers, 0 to 16. */
  readonly grpcStatus?: number | undefined
}

/** Clients make methods up; the longest one that is registered has 17 letters. */
const MAX_METHOD_LENGTH = 32

/** As fields of a log line. Costs an object: make it only for a line that is written. */
export function requestLogFields(record: RequestRecord): LogFields {
  const { endpoint, method, durationMs } = record
  return {
    ...record,
    method: method.slice(0, MAX_METHOD_LENGTH),
    ...(endpoint === undefined ? {} : { endpoint: formatEndpoint(endpoint) }),
    durationMs: tenths(durationMs),
  }
}
