import type { Counter, Gauge, Metrics } from '@edgeway/core'

export interface UdpMetrics {
  readonly activeSessions: Gauge<never>
  readonly sessions: Counter<'path' | 'outcome'>
  /** Way `sent`: from a client to an endpoint. */
  readonly datagrams: Counter<'direction' | 'way'>
  readonly drops: Counter<'direction' | 'reason'>
  readonly evictions: Counter<never>
  readonly unreachables: Counter<'result'>
}

/** Sessions are those of this node's clients; flows of other nodes are among the flows. Directions are those of flows. */
export function udpMetrics(metrics: Metrics): UdpMetrics {
  return {
    activeSessions: metrics.gauge({
      name: 'edgeway_traffic_active_udp_sessions',
      help: 'UDP sessions that are open now.',
    }),
    sessions: metrics.counter({
      name: 'edgeway_traffic_udp_sessions_total',
      help: 'UDP sessions that ended, or were refused as over-limit, by path and outcome.',
      labels: ['path', 'outcome'],
    }),
    datagrams: metrics.counter({
      name: 'edgeway_traffic_udp_datagrams_total',
      help: 'Datagrams passed on, by direction of their flow and way: sent to an endpoint, or received from it.',
      labels: ['direction', 'way'],
    }),
    drops: metrics.counter({
      name: 'edgeway_traffic_udp_drops_total',
      help: 'Datagrams that were not passed on, by direction of their flow and reason.',
      labels: ['direction', 'reason'],
    }),
    evictions: metrics.counter({
      name: 'edgeway_traffic_udp_evictions_total',
      help: 'Answered UDP sessions that ended early to make room for a new one.',
    }),
    unreachables: metrics.counter({
      name: 'edgeway_traffic_udp_unreachables_total',
      help: 'Times that clients were to be told by ICMP that nothing answers: sent, limited or failed.',
      labels: ['result'],
    }),
  }
}
