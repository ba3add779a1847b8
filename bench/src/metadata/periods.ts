import { DEFAULT_METADATA_OPTIONS, type MetadataOptions } from '@edgeway/metadata'
import { DEFAULT_METASERVER_DOUBLE_OPTIONS, type MetaServerDoubleOptions } from '@edgeway/testbed'

/** What a view has, beyond the longest time between two lists, to become equal to the cluster. */
const GRACE_MS = 60_000
/** `relistIntervalMs` is varied by that much. */
const VARIATION = 1.2

/** All periods of metadata and of MetaServer, shortened alike. */
export interface Periods {
  /** How many times shorter than by default. */
  readonly speed: number
  readonly metadata: Pick<
    MetadataOptions,
    | 'listTimeoutMs'
    | 'watchTimeoutSeconds'
    | 'relistIntervalMs'
    | 'probeIntervalMs'
    | 'minRetryDelayMs'
    | 'maxRetryDelayMs'
  >
  readonly double: Pick<
    MetaServerDoubleOptions,
    | 'cloudTimeoutMs'
    | 'ackTimeoutMs'
    | 'syncIntervalMs'
    | 'keepaliveTimeoutMs'
    | 'heartbeatIntervalMs'
    | 'reconnectDelayMs'
    | 'minWatchTimeoutMs'
    | 'maxWatchTimeoutMs'
  >
  /** One period between lists at its longest, and a minute: until then the view is equal to the cluster. */
  readonly convergeWithinMs: number
}

/** @param speed - at least 1; above 270 watches can get no shorter, as they last whole seconds */
export function periodsAt(speed: number): Periods {
  const shorter = (ms: number): number => Math.max(1, Math.round(ms / speed))
  const { watchTimeoutSeconds, ...metadata } = DEFAULT_METADATA_OPTIONS
  const double = DEFAULT_METASERVER_DOUBLE_OPTIONS
  const relistIntervalMs = shorter(metadata.relistIntervalMs)
  return {
    speed,
    metadata: {
      listTimeoutMs: shorter(metadata.listTimeoutMs),
      watchTimeoutSeconds: Math.max(1, Math.round(watchTimeoutSeconds / speed)),
      relistIntervalMs,
      probeIntervalMs: shorter(metadata.probeIntervalMs),
      minRetryDelayMs: shorter(metadata.minRetryDelayMs),
      maxRetryDelayMs: shorter(metadata.maxRetryDelayMs),
    },
    double: {
      cloudTimeoutMs: shorter(double.cloudTimeoutMs),
      ackTimeoutMs: shorter(double.ackTimeoutMs),
      syncIntervalMs: shorter(double.syncIntervalMs),
      keepaliveTimeoutMs: shorter(double.keepaliveTimeoutMs),
      heartbeatIntervalMs: shorter(double.heartbeatIntervalMs),
      reconnectDelayMs: shorter(double.reconnectDelayMs),
      minWatchTimeoutMs: shorter(double.minWatchTimeoutMs),
      maxWatchTimeoutMs: shorter(double.maxWatchTimeoutMs),
    },
    // The last watch before a list is rounded up to whole seconds.
    convergeWithinMs: Math.ceil((relistIntervalMs * VARIATION) / 1_000) * 1_000 + shorter(GRACE_MS),
  }
}

/** For people, e.g. `100 times shorter: lists every 4500 ms, watches of 3 s; to converge within 6600 ms`. */
export function textOfPeriods({ speed, metadata, convergeWithinMs }: Periods): string {
  const { relistIntervalMs, watchTimeoutSeconds } = metadata
  return `${speed} times shorter: lists every ${relistIntervalMs} ms, watches of ${watchTimeoutSeconds} s; to converge within ${convergeWithinMs} ms`
}
