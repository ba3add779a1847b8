import {
  type ConnectionPool,
  type DestinationPolicy,
  type HttpConnectionPool,
  type KeepAlive,
  NO_CONNECTION_POOL,
  type OutlierDetection,
} from '@edgeway/core'
import { readBalancing } from './destination-balancing.ts'
import type { Bounds, DurationBounds, LenientFields } from './lenient-fields.ts'

const CLIENTS_PROTOCOL = 'requests go on by the protocol in which they came'

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

function readConnectionPool(pool: LenientFields | undefined): ConnectionPool {
  if (pool === undefined) return NO_CONNECTION_POOL
  const mapped = { ...readTcp(pool.child('tcp')), http: readHttp(pool.child('http')) }
  pool.refuseOthers()
  return mapped
}

function readTcp(tcp: LenientFields | undefined): ConnectionPool {
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

/** Requests go on by the protocol in which they came. */
function readHttp(http: LenientFields | undefined): HttpConnectionPool | undefined {
  if (http === undefined) return undefined
  const mapped = {
    maxPendingRequests: unlessZero(http.integer('http1MaxPendingRequests', COUNT)),
    maxRequests: unlessZero(http.integer('http2MaxRequests', COUNT)),
    maxRequestsPerConnection: unlessZero(http.integer('maxRequestsPerConnection', COUNT)),
    maxRetries: unlessZero(http.integer('maxRetries', COUNT)),
    idleTimeoutMs: http.durationMs('idleTimeout', DURATION),
    maxConcurrentStreams: unlessZero(http.integer('maxConcurrentStreams', COUNT)),
  }
  if (http.string('h2UpgradePolicy') === 'UPGRADE') http.refuse('h2UpgradePolicy', CLIENTS_PROTOCOL)
  if (http.boolean('useClientProtocol') === false) http.refuse('useClientProtocol', CLIENTS_PROTOCOL)
  http.refuseOthers()
  return Object.values(mapped).some((limit) => limit !== undefined) ? mapped : undefined
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

/**
 * An empty object asks for the defaults. Errors of HTTP also count as failures of connecting, unless the rule tells them
 * apart: to Istio, who can't be connected to answers 503.
 */
function readOutlierDetection(detection: LenientFields | undefined): OutlierDetection | undefined {
  if (detection === undefined) return undefined
  const ofConnecting = detection.integer('consecutiveLocalOriginFailures', COUNT)
  const consecutive5xx = detection.integer('consecutive5xxErrors', COUNT)
  const consecutiveGatewayErrors = detection.integer('consecutiveGatewayErrors', COUNT)
  const ofBefore = detection.integer('consecutiveErrors', COUNT)
  const ofHttp = consecutive5xx ?? consecutiveGatewayErrors ?? ofBefore
  const areApart = detection.boolean('splitExternalLocalOriginErrors') === true
  const mapped = {
    consecutiveFailures: ofConnecting ?? (areApart ? undefined : ofHttp),
    baseEjectionMs: detection.durationMs('baseEjectionTime', DURATION),
    maxEjectionPercent: detection.integer('maxEjectionPercent', PERCENT),
    consecutive5xx,
    consecutiveGatewayErrors,
  }
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
