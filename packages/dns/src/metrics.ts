import type { Gauge, Metrics } from '@edgeway/core'
import { AnswerCounts } from './answer-counts.ts'
import type { EntryKind } from './cache/entry.ts'
import type { Upstream } from './forward/upstream.ts'
import type { Answer, Transport, ZoneName } from './handler.ts'
import type { RateVerdict } from './listen/client-rate.ts'
import { rcodeLabel } from './wire/codes.ts'
import { rcodeOf } from './wire/response.ts'

/** Why a message got no answer at all. Closed set. */
export type DropReason = 'too-short' | 'not-a-query' | 'no-source-port' | 'send-failed'

export interface ResponderMetrics {
  /** @param type - `undefined` where the question could not be read */
  answered(answer: Answer, type: number | undefined, transport: Transport): void
  /** Only of answers that were waited for: those from memory take microseconds, and so would measuring them. */
  waited(zone: ZoneName, durationMs: number): void
  dropped(reason: DropReason, transport: Transport): void
  /** Of a client that asks more than it is answered. */
  rateLimited(outcome: Exclude<RateVerdict, 'answer'>): void
}

export interface ForwardMetrics {
  /** @param rcode - of the header: its lower four bits */
  replied(upstream: Upstream, rcode: number, durationMs: number): void
  failed(upstream: Upstream, reason: 'timeout' | 'network'): void
  /** A message that is no reply to what was asked: late, or forged. */
  mismatched(upstream: Upstream): void
  /** It sent a query of ours back to us. */
  looped(upstream: Upstream): void
}

export interface CacheMetrics {
  hit(kind: EntryKind): void
  missed(): void
  stale(): void
  prefetched(): void
  evicted(entries: number): void
  holds(entries: number, bytes: number): void
}

export interface DnsMetrics {
  readonly responder: ResponderMetrics
  readonly forward: ForwardMetrics
  readonly cache: CacheMetrics
  readonly tcpConnections: Gauge<never>
  refusedTcpConnection(): void
}

/** Registers all metrics of the package. */
export function dnsMetrics(metrics: Metrics): DnsMetrics {
  const refused = metrics.counter({
    name: 'edgeway_dns_refused_connections_total',
    help: 'TCP connections closed because there were too many.',
  })
  return {
    responder: responderMetrics(metrics),
    forward: forwardMetrics(metrics),
    cache: cacheMetrics(metrics),
    tcpConnections: metrics.gauge({
      name: 'edgeway_dns_tcp_connections',
      help: 'TCP connections of clients that are open.',
    }),
    refusedTcpConnection: () => refused.add({}),
  }
}

function responderMetrics(metrics: Metrics): ResponderMetrics {
  const queries = new AnswerCounts(
    metrics.counter({
      name: 'edgeway_dns_queries_total',
      help: 'Queries that were answered.',
      labels: ['zone', 'rcode', 'type', 'transport'],
    }),
  )
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
  const limited = metrics.counter({
    name: 'edgeway_dns_rate_limited_queries_total',
    help: 'UDP queries above the rate of their client: answered truncated, or dropped.',
    labels: ['outcome'],
  })
  return {
    answered: ({ zone, content }, type, transport) =>
      queries.add({ zone, rcode: rcodeOf(content), type, transport }),
    waited: (zone, durationMs) => durations.observe({ zone }, durationMs / 1_000),
    dropped: (reason, transport) => dropped.add({ reason, transport }),
    rateLimited: (outcome) => limited.add({ outcome }),
  }
}

function forwardMetrics(metrics: Metrics): ForwardMetrics {
  const failures = metrics.counter({
    name: 'edgeway_dns_upstream_failures_total',
    help: 'Attempts at an upstream that got no reply, or their own query back.',
    labels: ['upstream', 'reason'],
  })
  const replies = metrics.counter({
    name: 'edgeway_dns_upstream_replies_total',
    help: 'Replies of an upstream.',
    labels: ['upstream', 'rcode'],
  })
  const durations = metrics.histogram({
    name: 'edgeway_dns_upstream_duration_seconds',
    help: 'Time from a query to the reply of an upstream.',
    labels: ['upstream'],
    buckets: [0.001, 0.005, 0.02, 0.1, 0.5, 2],
  })
  const mismatches = metrics.counter({
    name: 'edgeway_dns_upstream_mismatches_total',
    help: 'Messages from an upstream that are no reply to what it was asked.',
    labels: ['upstream'],
  })
  return {
    replied: ({ label: upstream }, rcode, durationMs) => {
      replies.add({ upstream, rcode: rcodeLabel(rcode) })
      durations.observe({ upstream }, durationMs / 1_000)
    },
    failed: ({ label: upstream }, reason) => failures.add({ upstream, reason }),
    mismatched: ({ label: upstream }) => mismatches.add({ upstream }),
    looped: ({ label: upstream }) => failures.add({ upstream, reason: 'loop' }),
  }
}

function cacheMetrics(metrics: Metrics): CacheMetrics {
  const counter = (name: string, help: string) =>
    metrics.counter({ name: `edgeway_dns_cache_${name}_total`, help })
  const hits = metrics.counter({
    name: 'edgeway_dns_cache_hits_total',
    help: 'Queries answered from the cache while the answer held.',
    labels: ['kind'],
  })
  const misses = counter('misses', 'Queries that upstreams were asked, since the cache had no answer.')
  const stale = counter('stale', 'Queries answered from the cache after the answer had expired.')
  const prefetches = counter('prefetches', 'Popular names asked for again before their answer expired.')
  const evictions = counter('evictions', 'Answers that had to make room for others.')
  const entries = metrics.gauge({ name: 'edgeway_dns_cache_entries', help: 'Answers in the cache.' })
  const bytes = metrics.gauge({ name: 'edgeway_dns_cache_bytes', help: 'Memory that they take.' })
  return {
    hit: (kind) => hits.add({ kind }),
    missed: () => misses.add({}),
    stale: () => stale.add({}),
    prefetched: () => prefetches.add({}),
    evicted: (count) => evictions.add({}, count),
    holds: (count, size) => {
      entries.set({}, count)
      bytes.set({}, size)
    },
  }
}
