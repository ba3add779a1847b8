import type { DialFailure, EndpointAddress, ServicePortName } from '@edgeway/core'

/**
 * How an endpoint failed: it could not be connected to, it reset a connection before its first byte, or too many of its
 * responses had a status that speaks against it.
 */
export type EndpointFailure = DialFailure | 'reset' | 'status'

/** Where flows tell what they learn of the endpoints that they use. */
export interface EndpointReports {
  /** A flow uses the endpoint from now on. Each call is followed by one of `closed`. */
  opened(service: ServicePortName, endpoint: EndpointAddress): void
  closed(service: ServicePortName, endpoint: EndpointAddress): void
  /** @param connectMs - from the dial to the connection, or to the first answer of a UDP endpoint */
  connected(service: ServicePortName, endpoint: EndpointAddress, connectMs: number): void
  failed(service: ServicePortName, endpoint: EndpointAddress, failure: EndpointFailure): void
}
