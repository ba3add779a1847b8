import { type Dialer, type Endpoint, reachOf, type ServicePortName, type Viewpoint } from '@edgeway/core'
import type { EndpointReports } from '../balance/endpoint-reports.ts'
import type { AbandonedDials } from '../dial/abandoned-dials.ts'
import {
  type DialLimits,
  type DialObserver,
  type EndpointsToTry,
  type TryOutcome,
  tryEndpoints,
} from '../dial/try-endpoints.ts'
import { SocketUpstream } from './socket-upstream.ts'
import { StreamUpstream } from './stream-upstream.ts'
import type { Upstream, UpstreamEvents } from './upstream.ts'

export interface OpenUpstreamDeps extends DialLimits {
  readonly viewpoint: Viewpoint
  /** To endpoints that only the tunnel reaches. */
  readonly dialer: Dialer
  readonly reports: EndpointReports
  readonly abandoned: AbandonedDials
}

export interface UpstreamRequest extends EndpointsToTry<Endpoint> {
  readonly service: ServicePortName
  readonly events: UpstreamEvents
}

/**
 * Tries one endpoint after the other, as TCP flows do. To this node and routed ones that only takes a socket; whether
 * anybody listens there, its first datagram will tell. Never rejects. An endpoint that was connected is reported as opened,
 * and to be reported as closed by the caller.
 */
export function openUpstream(
  { service, events, ...request }: UpstreamRequest,
  deps: OpenUpstreamDeps,
): Promise<TryOutcome<Endpoint, Upstream>> {
  const { viewpoint, dialer, reports, abandoned } = deps
  return tryEndpoints<Endpoint, Upstream>(request, deps, {
    async connect(endpoint, signal) {
      const reach = reachOf(endpoint.node, viewpoint)
      if (reach !== 'tunnel') return await SocketUpstream.connect(endpoint, reach, events)
      return new StreamUpstream(await dialer.dial({ endpoint, service }, signal), events)
    },
    patienceMs: (endpoint) => dialer.patienceMs?.(endpoint) ?? 0,
    discard: (upstream) => upstream.close(),
    observer: observerFor(service, reports),
    abandoned,
  })
}

/** That there is a way says nothing of a UDP endpoint: it is its first answer that counts as connected. */
function observerFor(service: ServicePortName, reports: EndpointReports): DialObserver {
  return {
    trying: (endpoint) => reports.opened(service, endpoint),
    connected: () => {},
    failed: (endpoint, failure) => {
      reports.failed(service, endpoint, failure)
      reports.closed(service, endpoint)
    },
    abandoned: (endpoint) => reports.closed(service, endpoint),
  }
}
