import type { EndpointAddress, EndpointConnection } from '@edgeway/core'
import type { WiredClient } from '../first-bytes/wire-first-bytes.ts'
import type { CalledPort } from '../listen/interceptor.ts'
import type { OpenFlow } from '../open-flows.ts'
import type { Caller } from './accepted-client.ts'

/** Serves connections that turned out to speak HTTP: request by request, each to the endpoint that it is for. */
export interface HttpForwarder {
  /** An endpoint of that ServicePort has answered a request, as Service and endpoints are now: so it does not speak first. */
  hasAnswered(called: CalledPort): boolean
  /** Owns the connection from the call on; nothing that it has said so far is missing in its socket, or in `start.wired`. */
  serve(caller: Caller, start: HttpStart): OpenFlow
}

export interface HttpStart {
  readonly protocol: 'http1' | 'http2'
  /** Was connected to while nobody knew who would speak first; the forwarder owns it from the call on. HTTP/1 only. */
  readonly spare: DialledEndpoint | undefined
  /** The client's connection where it was read below its stream, HTTP/1 only; otherwise its socket has everything. */
  readonly wired: WiredClient | undefined
}

/**
 * A connection on which nothing was said yet, but the header of the PROXY protocol where the Service wants one: then it is of
 * use to this client only.
 */
export interface DialledEndpoint {
  readonly endpoint: EndpointAddress
  readonly connection: EndpointConnection
}
