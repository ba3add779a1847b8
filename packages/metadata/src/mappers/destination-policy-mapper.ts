import {
  type ConnectionPool,
  type DestinationBalancing,
  type DestinationPolicy,
  type KeepAlive,
  NO_CONNECTION_POOL,
  type OutlierDetection,
} from '@edgeway/core'
import type { Bounds, DurationBounds, LenientFields } from './lenient-fields.ts'

const WITH_L7 = 'comes with L7'
const NOT_YET = 'not supported yet, ignored'

const BALANCING_OF_SIMPLE: Readonly<Record<string, DestinationBalancing | undefined>> = {
  '': undefined,
  UNSPECIFIED: undefined,
  ROUND_ROBIN: { kind: 'round-robin' },
  RANDOM: { kind: 'random' },
  LEAST_REQUEST: { kind: 'least-connections' },
  LEAST_CONN: { kind: 'least-connections' },
}

const COUNT: Bounds = { min: 0, max: 2_147_483_647 }
const PERCENT: Bounds = { min: 0, max: 100 }
/** The longest fits into a timer, which is 2^31 - 1 ms. */
const DURATION: DurationBounds = { min: '1ms', max: '596h' }
const DURATION_OR_NONE: DurationBounds = { min: '0s', max: '596h' }
/** What the kernel takes: MAX_TCP_KEEPCNT, MAX_TCP_KEEPIDLE and MAX_TCP_KEEPINTVL of include/net/tcp.h. */
const PROBES: Bounds = { min: 0, max: 127 }
const KEEP_ALIVE_DURATION: DurationBounds = { min: '1s', max: '32767s' }

const NO_POLICY: DestinationPolicy = {
  balancing: undefined,
  connectionPool: NO_CONNECTION_POOL,
  outlierDetection: undefined,
}

/**
 * What a DestinationRule wishes for all ports of its Service; what can't be done is left out and noted.
 *
 * @param policy - `spec.trafficPolicy`, where there is one
 * @see https://istio.io/latest/docs/reference/config/networking/destination-rule/#TrafficPolicy
 */
export function mapDestinationPolicy(policy: LenientFields | undefined): DestinationPolicy {
  if (policy === undefined) return NO_POLICY
  const mapped = {
    balancing: readBalancing(policy.child('loadBalancer')),
    connectionPool: readConnectionPool(policy.child('connectionPool')),
    outlierDetection: readOutlierDetection(policy.child('outlierDetection')),
  }
  if (policy.child('tls')?.string('mode') !== 'DISABLE') policy.refuse('tls')
  policy.refuseOthers()
  return mapped
}

function readBalancing(balancer: LenientFields | undefined): DestinationBalancing | undefined {
  if (balancer === undefined) return undefined
  const simple = readSimple(balancer)
  const hash = readHash(balancer.child('consistentHash'))
  balancer.refuseOthers()
  return simple ?? hash
}

function readSimple(balancer: LenientFields): DestinationBalancing | undefined {
  const simple = balancer.string('simple')
  if (simple === undefined) return undefined
  if (simple === 'PASSTHROUGH') balancer.refuse('simple', 'PASSTHROUGH')
  else if (!Object.hasOwn(BALANCING_OF_SIMPLE, simple))
    balancer.wrong('simple', simple, { expected: 'ROUND_ROBIN, RANDOM, LEAST_REQUEST or LEAST_CONN' })
  else return BALANCING_OF_SIMPLE[simple]
  return undefined
}

function readHash(hash: LenientFields | undefined): DestinationBalancing | undefined {
  if (hash === undefined) return undefined
  const bySource = hash.boolean('useSourceIp') === true
  for (const field of ['httpHeaderName', 'httpCookie', 'httpQueryParameterName'])
    hash.refuse(field, WITH_L7, NOT_YET)
  hash.refuseOthers()
  return bySource ? { kind: 'source-ip-hash' } : undefined
}

function readConnectionPool(pool: LenientFields | undefined): ConnectionPool {
  if (pool === undefined) return NO_CONNECTION_POOL
  const tcp = pool.child('tcp')
  pool.refuse('http', WITH_L7, NOT_YET)
  pool.refuseOthers()
  if (tcp === undefined) return NO_CONNECTION_POOL
  const mapped = {
    maxConnections: unlessZero(tcp.integer('maxConnections', COUNT)),
    connectTimeoutMs: tcp.durationMs('connectTimeout', DURATION),
    idleTimeoutMs: unlessZero(tcp.durationMs('idleTimeout', DURATION_OR_NONE)),
    maxConnectionDurationMs: tcp.durationMs('maxConnectionDuration', DURATION),
    keepAlive: readKeepAlive(tcp.child('tcpKeepalive')),
    http: undefined,
  }
  tcp.refuseOthers()
  return mapped
}

function readKeepAlive(keepAlive: LenientFields | undefined): KeepAlive | undefined {
  if (keepAlive === undefined) return undefined
  const mapped = {
    probes: unlessZero(keepAlive.integer('probes', PROBES)),
    timeMs: keepAlive.durationMs('time', KEEP_ALIVE_DURATION),
    intervalMs: keepAlive.durationMs('interval', KEEP_ALIVE_DURATION),
  }
  keepAlive.refuseOthers()
  return mapped
}

/** Of all failures only those of connecting are known; an empty object asks for the defaults. */
function readOutlierDetection(detection: LenientFields | undefined): OutlierDetection | undefined {
  if (detection === undefined) return undefined
  const ofConnecting = detection.integer('consecutiveLocalOriginFailures', COUNT)
  const others = ['consecutive5xxErrors', 'consecutiveGatewayErrors', 'consecutiveErrors'].map((field) =>
    detection.integer(field, COUNT),
  )
  const mapped = {
    consecutiveFailures: ofConnecting ?? others.find((count) => count !== undefined),
    baseEjectionMs: detection.durationMs('baseEjectionTime', DURATION),
    maxEjectionPercent: detection.integer('maxEjectionPercent', PERCENT),
    consecutive5xx: undefined,
    consecutiveGatewayErrors: undefined,
  }
  const splits = detection.boolean('splitExternalLocalOriginErrors') === true
  if (splits && ofConnecting === undefined) detection.refuse('splitExternalLocalOriginErrors')
  const minHealthPercent = detection.integer('minHealthPercent', PERCENT) ?? 0
  if (minHealthPercent > 0) detection.refuse('minHealthPercent')
  detection.refuse('interval', 'failures count at once')
  detection.refuseOthers()
  return mapped
}

/** As Istio has it: 0 stands for no limit. */
function unlessZero(value: number | undefined): number | undefined {
  return value === 0 ? undefined : value
}
