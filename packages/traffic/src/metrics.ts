import type { Counter, Gauge, Metrics } from '@edgeway/core'

export interface TrafficMetrics {
  readonly flows: Counter<'direction' | 'service' | 'path' | 'outcome'>
  readonly activeFlows: Gauge<'direction'>
  readonly bytes: Counter<'direction' | 'path'>
  readonly dialFailures: Counter<'reason'>
  readonly refusals: Counter<'reason'>
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
      help: 'Bytes of ended flows, both ways together, by direction and path.',
      labels: ['direction', 'path'],
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
  }
}
