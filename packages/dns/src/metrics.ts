import type { Gauge, Metrics } from '@edgeway/core'
import { rcodeLabel, typeLabel } from './codes.ts'
import type { Answer, Transport, ZoneName } from './handler.ts'
import { rcodeOf } from './response.ts'
import type { Upstream } from './upstream.ts'

/** Why a message got no answer at all. Closed set. */
export type DropReason = 'too-short' | 'not-a-query' | 'no-source-port' | 'send-failed'

export interface ResponderMetrics {
  /** @param type - `undefined` where the question could not be read */
  answered(answer: Answer, type: number | undefined, transport: Transport): void
  /** Only of answers that were waited for: those from memory take microseconds, and so would measuring them. */
  waited(zone: ZoneName, durationMs: number): void
  dropped(reason: DropReason, transport: Transport): void
}

export interface ForwardMetrics {
  failed(upstream: Upstream, reason: 'timeout' | 'network'): void
  /** A message that is no reply to what was asked: late, or forged. */
  mismatched(upstream: Upstream): void
}

export interface DnsMetrics {
  readonly responder: ResponderMetrics
  readonly forward: ForwardMetrics
  readonly tcpConnections: Gauge<never>
  refusedTcpConnection(): void
}

/** Registers all metrics of the package. */
export function dnsMetrics(metrics: Metrics): DnsMetrics {
  const refused = metrics.counter({
    name: 'edgeway_dns_refused_connections_total',
    help: 'TCP connections closed at once because there were too many.',
  })
  return {
    responder: responderMetrics(metrics),
    forward: forwardMetrics(metrics),
    tcpConnections: metrics.gauge({
      name: 'edgeway_dns_tcp_connections',
      help: 'TCP connections of clients that are open.',
    }),
    refusedTcpConnection: () => refused.add({}),
  }
}

function responderMetrics(metrics: Metrics): ResponderMetrics {
  const queries = metrics.counter({
    name: 'edgeway_dns_queries_total',
    help: 'Queries that were answered.',
    labels: ['zone', 'rcode', 'type', 'transport'],
  })
  const durations = metrics.histogram({
    name: 'edgeway_dns_query_duration_seconds',
    help: 'Time from a query to its answer, where the answer was not in memory.',
    labels: ['zone'],
    buckets: [0.0005, 0.002, 0.005, 0.02, 0.1, 0.5, 2, 5],
  })
  const dropped = metrics.counter({
    name: 'edgeway_dns_dropped_messages_total',
    help: 'Messages of clients that got no answer.',
    labels: ['reason', 'transport'],
  })
  return {
    answered: ({ zone, content }, type, transport) => {
      const rcode = rcodeLabel(rcodeOf(content))
      queries.add({ zone, rcode, type: type === undefined ? 'none' : typeLabel(type), transport })
    },
    waited: (zone, durationMs) => durations.observe({ zone }, durationMs / 1_000),
    dropped: (reason, transport) => dropped.add({ reason, transport }),
  }
}

function forwardMetrics(metrics: Metrics): ForwardMetrics {
  const failures = metrics.counter({
    name: 'edgeway_dns_upstream_failures_total',
    help: 'Attempts at an upstream that got no reply.',
    labels: ['upstream', 'reason'],
  })
  const mismatches = metrics.counter({
    name: 'edgeway_dns_upstream_mismatches_total',
    help: 'Messages from an upstream that are no reply to what it was asked.',
    labels: ['upstream'],
  })
  return {
    failed: ({ name }, reason) => failures.add({ upstream: name, reason }),
    mismatched: ({ name }) => mismatches.add({ upstream: name }),
  }
}
