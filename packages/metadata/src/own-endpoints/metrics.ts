import type { Gauge, Metrics } from '@edgeway/core'

export interface OwnEndpointMetrics {
  readonly dead: Gauge<never>
  readonly moved: Gauge<never>
}

export function ownEndpointMetrics(metrics: Metrics): OwnEndpointMetrics {
  return {
    dead: metrics.gauge({
      name: 'edgeway_metadata_own_endpoints_dead',
      help: "This node's endpoints that do not answer while the source is stale; 0 while it is not.",
    }),
    moved: metrics.gauge({
      name: 'edgeway_metadata_own_endpoints_moved',
      help: "This node's endpoints whose pod has another address than stored; 0 while the source is not stale.",
    }),
  }
}
