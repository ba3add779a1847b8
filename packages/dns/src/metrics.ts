import type { Gauge, Metrics } from '@edgeway/core'
import { rcodeLabel, typeLabel } from './codes.ts'
import type { Transport, ZoneName } from './handler.ts'
import type { Upstream } from './upstream.ts'

/** What was answered, for the counters. */
export interface AnsweredQuery {
  readonly zone: ZoneName
  readonly rcode: number
  /** `undefined` where the question could not be read. */
  readonly type: number | undefined
  readonly transport: Transport
  readonly durationMs: number
}

/** Why a message got no answer at all. Closed set. */
export type DropReason = 'too-short' | 'not-a-query' | 'no-source-port' | 'send-failed'

export interface ResponderMetrics {
  answered(query: AnsweredQuery): void
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
    help: 'Time from a query to its answer.',
    labels: ['zone'],
    // From memory microseconds, from upstreams milliseconds, up to the longest time for forwarding.
    buckets: [0.00005, 0.0002, 0.001, 0.005, 0.02, 0.1, 0.5, 2, 5],
  })
  const dropped = metrics.counter({
    name: 'edgeway_dns_dropped_messages_total',
    help: 'Messages of clients that got no answer.',
    labels: ['reason', 'transport'],
  })
  return {
    answered: ({ zone, rcode, type, transport, durationMs }) => {
      const typeText = type === undefined ? 'none' : typeLabel(type)
      queries.add({ zone, rcode: rcodeLabel(rcode), type: typeText, transport })
      durations.observe({ zone }, durationMs / 1_000)
    },
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
