import { describe, expect, it } from 'vitest'
import {
  type ConnectionPool,
  type DestinationPolicy,
  type HttpConnectionPool,
  NO_CONNECTION_POOL,
  NO_HTTP_POOL,
  type OutlierDetection,
} from '../model/destination-policy.ts'
import { formatServicePortName } from '../model/service.ts'
import { type LayerRequest, layerOf, requestPolicyOf } from './request-policy.ts'

const NO_OUTLIERS: OutlierDetection = {
  consecutiveFailures: undefined,
  baseEjectionMs: undefined,
  maxEjectionPercent: undefined,
  consecutive5xx: undefined,
  consecutiveGatewayErrors: undefined,
}
type Wishes = LayerRequest['service']

function wishing(
  annotations: Readonly<Record<string, string>>,
  destination: Partial<DestinationPolicy> = {},
): Wishes {
  const prefixed = Object.entries(annotations).map(([name, value]) => [`edgeway.io/${name}`, value])
  const none = { balancing: undefined, connectionPool: NO_CONNECTION_POOL, outlierDetection: undefined }
  return {
    annotations: Object.fromEntries(prefixed),
    destinationPolicy: { ...none, ...destination },
    clientIpAffinitySeconds: undefined,
  }
}

function detecting(wish: Partial<OutlierDetection>): Partial<DestinationPolicy> {
  return { outlierDetection: { ...NO_OUTLIERS, ...wish } }
}

function pooling(http: Partial<HttpConnectionPool>): Partial<DestinationPolicy> {
  const connectionPool: ConnectionPool = { ...NO_CONNECTION_POOL, http: { ...NO_HTTP_POOL, ...http } }
  return { connectionPool }
}

describe('requestPolicyOf', () => {
  it('wishes nothing unless something is said, but that endpoints are told who calls', () => {
    const { retryOn, ...policy } = requestPolicyOf(wishing({}))

    expect(policy).toEqual({
      maxRetries: 0,
      requestTimeoutMs: undefined,
      perTryTimeoutMs: undefined,
      forwardedHeaders: 'x-forwarded-for',
      outliers: undefined,
    })
    expect([...retryOn]).toEqual(['connect-failure', 'reset', '502', '503', '504'])
  })

  it('has what the annotations say', () => {
    const service = wishing({
      retries: '2',
      'retry-on': 'reset, 503',
      'request-timeout': '10s',
      'per-try-timeout': '2s',
      'max-error-percent': '50',
      'forwarded-headers': 'off',
    })

    expect(requestPolicyOf(service)).toEqual({
      maxRetries: 2,
      retryOn: new Set(['reset', '503']),
      requestTimeoutMs: 10_000,
      perTryTimeoutMs: 2_000,
      forwardedHeaders: 'off',
      outliers: { consecutive5xx: undefined, consecutiveGatewayErrors: undefined, maxErrorPercent: 50 },
    })
  })

  it('takes what can not be read for not said', () => {
    const service = wishing({
      retries: 'many',
      'retry-on': 'always',
      'request-timeout': 'soon',
      'per-try-timeout': '',
      'max-error-percent': '0',
      'forwarded-headers': 'yes',
    })

    expect(requestPolicyOf(service)).toEqual(requestPolicyOf(wishing({})))
  })

  it('goes by the statuses that a DestinationRule names, of which 0 is none', () => {
    const outliers = (wish: Partial<OutlierDetection>): unknown =>
      requestPolicyOf(wishing({}, detecting(wish))).outliers

    expect(outliers({ consecutive5xx: 5, consecutiveGatewayErrors: 0 })).toEqual({
      consecutive5xx: 5,
      consecutiveGatewayErrors: undefined,
      maxErrorPercent: undefined,
    })
    expect(outliers({ consecutive5xx: 0, consecutiveFailures: 5 })).toBeUndefined()
  })
})

describe('layerOf', () => {
  function layer(
    service: Wishes,
    { port = '', endpointCount = 3, protocol = 'TCP' as 'TCP' | 'UDP' } = {},
  ): ReturnType<typeof layerOf> {
    const name = formatServicePortName('shop', 'web', port)
    return layerOf({ port: { name, appProtocol: undefined, protocol }, service, endpointCount })
  }

  it.each(['', 'http', 'web', 'tcp', 'https'])('is l4 for a port "%s" of which nothing is wished', (port) => {
    expect(layer(wishing({}), { port })).toBe('l4')
  })

  it.each(['grpc', 'http2'])(
    'is l7 for a port "%s" with endpoints to choose among, not for one alone',
    (port) => {
      expect(layer(wishing({}), { port })).toBe('l7')
      expect(layer(wishing({}), { port, endpointCount: 1 })).toBe('l4')
      expect(layer(wishing({}), { port, endpointCount: 0 })).toBe('l4')
    },
  )

  const WISHES: readonly (readonly [title: string, service: Wishes])[] = [
    ['header hash', wishing({ 'hash-header': 'x-user' })],
    ['cookie hash', wishing({ 'hash-cookie': 'stick' })],
    ['retries', wishing({ retries: '1' })],
    ['request timeout', wishing({ 'request-timeout': '1s' })],
    ['timeout of a try', wishing({ 'per-try-timeout': '1s' })],
    ['share of errors', wishing({ 'max-error-percent': '50' })],
    ['forwarded header', wishing({ 'forwarded-headers': 'forwarded' })],
    ['forwarding l7', wishing({ forwarding: 'l7' })],
    ['header hash of the destination', wishing({}, { balancing: { kind: 'header-hash', header: 'x' } })],
    ['5xx in a row', wishing({}, detecting({ consecutive5xx: 5 }))],
    ['gateway errors in a row', wishing({}, detecting({ consecutiveGatewayErrors: 5 }))],
    ['limit of requests', wishing({}, pooling({ maxRequests: 100 }))],
  ]

  it.each(WISHES)('is l7 for a wish of requests, also where nobody says what is spoken: %s', (_, service) => {
    expect(layer(service)).toBe('l7')
    expect(layer(service, { port: 'http', endpointCount: 1 })).toBe('l7')
  })

  it.each(WISHES)('stays l4 where no HTTP is spoken, or where that is wished: %s', (_, service) => {
    const { annotations } = service
    expect(layer(service, { port: 'tcp' })).toBe('l4')
    expect(layer(service, { port: 'https' })).toBe('l4')
    expect(layer(service, { protocol: 'UDP' })).toBe('l4')
    expect(layer({ ...service, annotations: { ...annotations, 'edgeway.io/forwarding': 'l4' } })).toBe('l4')
  })

  it.each<readonly [title: string, service: Wishes]>([
    ['retries 0', wishing({ retries: '0' })],
    ['retry-on alone', wishing({ 'retry-on': '503' })],
    ['forwarded-headers off', wishing({ 'forwarded-headers': 'off' })],
    ['what can not be read', wishing({ retries: 'x', 'request-timeout': 'x', 'forwarded-headers': 'x' })],
    ['a protocol', wishing({ protocol: 'http' })],
    ['forwarding by the agent', wishing({ forwarding: 'agent' })],
    ['failures of connecting', wishing({}, detecting({ consecutiveFailures: 5, consecutive5xx: 0 }))],
    ['no limit of HTTP', wishing({}, pooling({}))],
    ['limits of TCP', wishing({}, { connectionPool: { ...NO_CONNECTION_POOL, maxConnections: 1 } })],
  ])('is l4 for %s', (_, service) => {
    expect(layer(service)).toBe('l4')
  })

  it('is l4 where session affinity comes before a header hash', () => {
    expect(layer({ ...wishing({ 'hash-header': 'x-user' }), clientIpAffinitySeconds: 60 })).toBe('l4')
  })

  it('is l7 for gRPC that is declared by annotation', () => {
    expect(layer(wishing({ protocol: 'grpc' }))).toBe('l7')
    expect(layer(wishing({ protocol: 'grpc', forwarding: 'l4' }))).toBe('l4')
  })
})
