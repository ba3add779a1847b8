import type { Counter, Histogram, Metrics } from '@edgeway/core'

export interface RequestMetrics {
  readonly requests: Counter<'service' | 'protocol' | 'method' | 'status'>
  readonly requestSeconds: Histogram<'protocol' | 'path'>
  readonly retries: Counter<'reason'>
}

export function requestMetrics(metrics: Metrics): RequestMetrics {
  return {
    requests: metrics.counter({
      name: 'edgeway_traffic_requests_total',
      help: 'HTTP requests that ended, by Service, protocol, kind of method (read, write, other) and class of status.',
      labels: ['service', 'protocol', 'method', 'status'],
    }),
    requestSeconds: metrics.histogram({
      name: 'edgeway_traffic_request_duration_seconds',
      help: 'How long HTTP requests took until their responses were complete, by protocol and path.',
      labels: ['protocol', 'path'],
      buckets: [0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60, 600],
    }),
    retries: metrics.counter({
      name: 'edgeway_traffic_request_retries_total',
      help: 'Further tries of HTTP requests, by what the try before failed with.',
      labels: ['reason'],
    }),
  }
}
