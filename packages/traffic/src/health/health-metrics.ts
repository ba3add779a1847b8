import type { Counter, Gauge, Metrics } from '@edgeway/core'

export interface HealthMetrics {
  readonly unhealthy: Gauge<never>
  readonly ejections: Counter<'reason'>
}

export function healthMetrics(metrics: Metrics): HealthMetrics {
  return {
    unhealthy: metrics.gauge({
      name: 'edgeway_traffic_unhealthy_endpoints',
      help: 'Endpoints that are left out now, since they fail.',
    }),
    ejections: metrics.counter({
      name: 'edgeway_traffic_ejections_total',
      help: 'How often an endpoint was left out, by what it failed in.',
      labels: ['reason'],
    }),
  }
}
