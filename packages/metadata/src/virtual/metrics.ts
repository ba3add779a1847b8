import type { Gauge, Metrics } from '@edgeway/core'

export interface VirtualAddressMetrics {
  readonly addresses: Gauge<'family' | 'state'>
}

export function virtualAddressMetrics(metrics: Metrics): VirtualAddressMetrics {
  return {
    addresses: metrics.gauge({
      name: 'edgeway_metadata_virtual_addresses',
      help: 'Virtual addresses in use, kept for endpoints that are gone, and lacking since none was left, by family.',
      labels: ['family', 'state'],
    }),
  }
}
