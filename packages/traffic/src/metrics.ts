import type { Counter, Gauge, Histogram, Metrics } from '@edgeway/core'

export interface TrafficMetrics {
  readonly flows: Counter<'direction' | 'service' | 'path' | 'outcome'>
  readonly activeFlows: Gauge<'direction'>
  readonly bytes: Counter<'direction' | 'path'>
  readonly flowSeconds: Histogram<'protocol' | 'direction' | 'path'>
  readonly connectSeconds: Histogram<'protocol' | 'direction' | 'path'>
  readonly dialFailures: Counter<'reason'>
  readonly refusals: Counter<'reason'>
  readonly tlsHellos: Counter<'service' | 'outcome'>
}

/** Direction `outbound`: a client of this node calls. `inbound`: another node calls a pod of this one. */
export function trafficMetrics(metrics: Metrics): TrafficMetrics {
  return {
    flows: metrics.counter({
      name: 'edgeway_traffic_flows_total',
      help: 'Flows that ended, by direction, Service, path and outcome.',
      labels: ['direction', 'service', 'path', 'outcome'],
    }),
    activeFlows: metrics.gauge({
      name: 'edgeway_traffic_active_flows',
      help: 'Flows that are open now, by direction.',
      labels: ['direction'],
    }),
    bytes: metrics.counter({
      name: 'edgeway_traffic_bytes_total',
      help: 'Bytes of flows, both ways together, by direction and path; those of open flows up to 10 s late.',
      labels: ['direction', 'path'],
    }),
    flowSeconds: metrics.histogram({
      name: 'edgeway_traffic_flow_duration_seconds',
      help: 'How long flows lasted, from the accept or first datagram to the end, by protocol, direction and path.',
      labels: ['protocol', 'direction', 'path'],
      buckets: [0.01, 0.1, 1, 10, 60, 600, 3_600, 86_400],
    }),
    connectSeconds: metrics.histogram({
      name: 'edgeway_traffic_connect_seconds',
      help: 'From the accept or first datagram to the connected endpoint, by protocol, direction and path.',
      labels: ['protocol', 'direction', 'path'],
      buckets: [0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15],
    }),
    dialFailures: metrics.counter({
      name: 'edgeway_traffic_dial_failures_total',
      help: 'Endpoints that could not be connected to, by reason.',
      labels: ['reason'],
    }),
    refusals: metrics.counter({
      name: 'edgeway_traffic_inbound_refusals_total',
      help: 'Flows of other nodes that were refused, by reason.',
      labels: ['reason'],
    }),
    tlsHellos: metrics.counter({
      name: 'edgeway_traffic_tls_hellos_total',
      help: 'First words of clients where TLS was expected, by Service and whether they name a server.',
      labels: ['service', 'outcome'],
    }),
  }
}
