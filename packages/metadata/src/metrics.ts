import type { Counter, Gauge, Metrics } from '@edgeway/core'

export interface MetadataMetrics {
  readonly objects: Gauge<'kind'>
  readonly requests: Counter<'kind' | 'request' | 'outcome'>
  readonly lists: Counter<'kind' | 'class'>
  readonly skipped: Counter<'kind'>
  readonly corrupted: Counter<'kind'>
  readonly ignored: Counter<'kind' | 'reason'>
  readonly stale: Gauge<never>
  readonly lastList: Gauge<'kind'>
}

export function metadataMetrics(metrics: Metrics): MetadataMetrics {
  return {
    objects: metrics.gauge({
      name: 'edgeway_metadata_objects',
      help: 'Objects in memory, by kind.',
      labels: ['kind'],
    }),
    requests: metrics.counter({
      name: 'edgeway_metadata_requests_total',
      help: 'Lists and watches that ended, by kind and outcome.',
      labels: ['kind', 'request', 'outcome'],
    }),
    lists: metrics.counter({
      name: 'edgeway_metadata_lists_total',
      help: 'Lists that were answered, by what the answer was worth: authoritative, local or void.',
      labels: ['kind', 'class'],
    }),
    skipped: metrics.counter({
      name: 'edgeway_metadata_skipped_objects_total',
      help: 'Objects that could not be read and were left out, by kind.',
      labels: ['kind'],
    }),
    corrupted: metrics.counter({
      name: 'edgeway_metadata_corrupted_objects_total',
      help: 'Objects that were spoilt on their way, by kind; what was known of them holds on.',
      labels: ['kind'],
    }),
    ignored: metrics.counter({
      name: 'edgeway_metadata_ignored_objects_total',
      help: 'Objects that were not taken, by reason: older than what is known, a ghost, or another uid.',
      labels: ['kind', 'reason'],
    }),
    stale: metrics.gauge({
      name: 'edgeway_metadata_source_stale',
      help: '1 while the source does not speak for the cluster, else 0.',
    }),
    lastList: metrics.gauge({
      name: 'edgeway_metadata_last_authoritative_list_timestamp_seconds',
      help: 'When the last complete list of the cluster was answered, seconds since 1970, by kind.',
      labels: ['kind'],
    }),
  }
}
