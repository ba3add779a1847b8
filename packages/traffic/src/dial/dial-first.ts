import type { Dialer, DialFailure, EndpointAddress, EndpointConnection, ServicePortName } from '@edgeway/core'
import {
  type Connecting,
  type DialLimits,
  type DialObserver,
  type EndpointsToTry,
  type TryOutcome,
  tryEndpoints,
} from './try-endpoints.ts'

export interface DialRequest extends EndpointsToTry<EndpointAddress> {
  readonly service: ServicePortName
  /** The limits were set for this Service: they hold for slow ways, too. */
  readonly isFirm?: boolean | undefined
}

export type DialFirstDeps = { readonly dialer: Dialer } & Pick<
  Connecting<EndpointAddress, EndpointConnection>,
  'observer' | 'abandoned'
>

export type DialOutcome = TryOutcome<EndpointAddress, EndpointConnection>

/** Connects to the first of the endpoints that takes a TCP connection. Never rejects. */
export function dialFirst(
  { service, isFirm = false, ...request }: DialRequest,
  limits: DialLimits,
  { dialer, ...deps }: DialFirstDeps,
): Promise<DialOutcome> {
  return tryEndpoints(request, limits, {
    ...deps,
    connect: (endpoint, signal) => dialer.dial({ endpoint, service }, signal),
    patienceMs: (endpoint) => (isFirm ? 0 : (dialer.patienceMs?.(endpoint) ?? 0)),
    discard: (connection) => connection.reset(),
  })
}

/** For who cares about failures only. */
export function onDialFailure(failed: (failure: DialFailure) => void): DialObserver {
  const ignore = (): void => {}
  return {
    trying: ignore,
    connected: ignore,
    abandoned: ignore,
    failed: (_endpoint, failure) => failed(failure),
  }
}
