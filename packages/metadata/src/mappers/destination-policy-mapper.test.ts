import type { DestinationBalancing, HttpConnectionPool, OutlierDetection } from '@edgeway/core'
import { describe, expect, it } from 'vitest'
import { readApiObject } from '../kubernetes/api-object.ts'
import { type DestinationRule, destinationRuleMapper } from './destination-rule-mapper.ts'

function mapPolicy(trafficPolicy: unknown): Pick<DestinationRule, 'policy' | 'problems'> {
  const metadata = { namespace: 'shop', name: 'calm' }
  return destinationRuleMapper('cluster.local')(
    readApiObject({ metadata, spec: { host: 'web', trafficPolicy } }),
  )
}

describe('a consistent hash', () => {
  const AT = 'spec.trafficPolicy.loadBalancer.consistentHash'

  function mapHash(consistentHash: unknown): {
    balancing: DestinationBalancing | undefined
    problems: readonly string[]
  } {
    const { policy, problems } = mapPolicy({ loadBalancer: { consistentHash } })
    return { balancing: policy.balancing, problems }
  }

  it('is by a header, whose name is the same in any case', () => {
    expect(mapHash({ httpHeaderName: 'X-User' })).toEqual({
      balancing: { kind: 'header-hash', header: 'x-user' },
      problems: [],
    })
  })

  it.each([
    ['0s', undefined],
    ['1h', 3_600],
    ['1ms', 1],
    ['9600h', 34_560_000],
  ])('is by a cookie that lasts %s, of which 0 is until the browser ends', (ttl, ttlSeconds) => {
    expect(mapHash({ httpCookie: { name: 'stick', path: '/shop', ttl } })).toEqual({
      balancing: {
        kind: 'cookie-hash',
        cookie: { name: 'stick', path: '/shop', ttlSeconds, sameSite: undefined },
      },
      problems: [],
    })
  })

  it.each([{ name: 'JSESSIONID' }, { name: 'JSESSIONID', ttl: null }, { name: 'JSESSIONID', path: '' }])(
    "is by the application's own cookie where no ttl is given: %j",
    (httpCookie) => {
      expect(mapHash({ httpCookie })).toEqual({
        balancing: {
          kind: 'cookie-hash',
          cookie: { name: 'JSESSIONID', path: undefined, ttlSeconds: undefined, sameSite: undefined },
          isForeign: true,
        },
        problems: [],
      })
    },
  )

  it.each([
    [{ httpHeaderName: ':path' }, 'httpHeaderName: expected the name of a header, found ":path", ignored'],
    [{ httpHeaderName: 7 }, 'httpHeaderName: expected a string, found 7, ignored'],
    [{ httpCookie: {} }, 'httpCookie.name: expected the name of a cookie, found "", ignored'],
    [
      { httpCookie: { name: 'a; b', ttl: '0s' } },
      'httpCookie.name: expected the name of a cookie, found "a; b", ignored',
    ],
    [{ httpCookie: 'stick' }, 'httpCookie: expected an object, found "stick", ignored'],
  ])('%j is none, which is told', (hash, problem) => {
    expect(mapHash(hash)).toEqual({ balancing: undefined, problems: [`${AT}.${problem}`] })
  })

  it.each([
    [{ path: 'shop' }, 'path: expected a path that begins with /, found "shop", ignored'],
    [{ path: '/;x' }, 'path: expected a path that begins with /, found "/;x", ignored'],
    [{ ttl: 'soon' }, 'ttl: expected a duration, 0s to 9600h, found "soon", ignored'],
    [{ ttl: '9601h' }, 'ttl: expected a duration, 0s to 9600h, found "9601h", ignored'],
    [{ attributes: [{ name: 'SameSite', value: 'Lax' }] }, 'attributes: not supported, ignored'],
  ])('goes by a cookie without its %j, which is told', (field, problem) => {
    const { balancing, problems } = mapHash({ httpCookie: { name: 'stick', ttl: '0s', ...field } })

    expect(balancing).toEqual({
      kind: 'cookie-hash',
      cookie: { name: 'stick', path: undefined, ttlSeconds: undefined, sameSite: undefined },
    })
    expect(problems).toEqual([`${AT}.httpCookie.${problem}`])
  })

  it('of several goes by one, and tells of the others', () => {
    const cookie = { httpCookie: { name: 'stick' }, useSourceIp: true }

    expect(mapHash({ ...cookie, httpHeaderName: 'x' })).toEqual({
      balancing: { kind: 'header-hash', header: 'x' },
      problems: [
        `${AT}.httpCookie: ignored (httpHeaderName comes first)`,
        `${AT}.useSourceIp: ignored (httpHeaderName comes first)`,
      ],
    })
    expect(mapHash(cookie).balancing?.kind).toBe('cookie-hash')
  })
})

describe('a connection pool of HTTP', () => {
  const NONE: HttpConnectionPool = {
    maxPendingRequests: undefined,
    maxRequests: undefined,
    maxRequestsPerConnection: undefined,
    maxRetries: undefined,
    idleTimeoutMs: undefined,
    maxConcurrentStreams: undefined,
  }

  function mapHttp(http: unknown): { http: HttpConnectionPool | undefined; problems: readonly string[] } {
    const { policy, problems } = mapPolicy({ connectionPool: { http } })
    return { http: policy.connectionPool.http, problems }
  }

  it('has all that the mesh can do of it, beside the limits of TCP', () => {
    const tcp = { maxConnections: 9 }
    const http = {
      http1MaxPendingRequests: 1,
      http2MaxRequests: 2,
      maxRequestsPerConnection: 3,
      maxRetries: 4,
      idleTimeout: '5s',
      maxConcurrentStreams: 6,
      h2UpgradePolicy: 'DO_NOT_UPGRADE',
      useClientProtocol: true,
    }
    const { policy, problems } = mapPolicy({ connectionPool: { tcp, http } })

    expect(policy.connectionPool).toMatchObject({
      maxConnections: 9,
      http: {
        maxPendingRequests: 1,
        maxRequests: 2,
        maxRequestsPerConnection: 3,
        maxRetries: 4,
        idleTimeoutMs: 5_000,
        maxConcurrentStreams: 6,
      },
    })
    expect(problems).toEqual([])
  })

  it.each([undefined, null, {}, { maxRetries: 0, http2MaxRequests: 0 }, { h2UpgradePolicy: 'DEFAULT' }])(
    '%j is no limit',
    (http) => {
      expect(mapHttp(http)).toEqual({ http: undefined, problems: [] })
    },
  )

  it.each([
    [{ h2UpgradePolicy: 'UPGRADE' }, 'h2UpgradePolicy'],
    [{ useClientProtocol: false }, 'useClientProtocol'],
  ])("keeps to the client's protocol in spite of %j, which is told", (wish, field) => {
    expect(mapHttp({ ...wish, maxRetries: 1 })).toEqual({
      http: { ...NONE, maxRetries: 1 },
      problems: [
        `spec.trafficPolicy.connectionPool.http.${field}: not supported, ignored (requests go on by the protocol in which they came)`,
      ],
    })
  })

  it.each([
    [
      { http1MaxPendingRequests: -1 },
      'http1MaxPendingRequests: expected a whole number, 0 to 2147483647, found -1',
    ],
    [{ http2MaxRequests: 'x' }, 'http2MaxRequests: expected a whole number, 0 to 2147483647, found "x"'],
    [{ idleTimeout: '0s' }, 'idleTimeout: expected a duration, 1ms to 596h, found "0s"'],
    [{ http3: true }, 'http3: not supported'],
  ])('%j goes by its other fields', (wish, problem) => {
    expect(mapHttp({ ...wish, maxRetries: 1 })).toEqual({
      http: { ...NONE, maxRetries: 1 },
      problems: [`spec.trafficPolicy.connectionPool.http.${problem}, ignored`],
    })
  })
})

describe('outlier detection', () => {
  const NONE: OutlierDetection = {
    consecutiveFailures: undefined,
    baseEjectionMs: undefined,
    maxEjectionPercent: undefined,
    consecutive5xx: undefined,
    consecutiveGatewayErrors: undefined,
  }

  it.each<[wish: object, detection: Partial<OutlierDetection>]>([
    [{}, {}],
    [{ consecutiveErrors: 4 }, { consecutiveFailures: 4 }],
    [
      { consecutiveErrors: 4, consecutiveGatewayErrors: 3 },
      { consecutiveFailures: 3, consecutiveGatewayErrors: 3 },
    ],
    [
      { consecutiveErrors: 4, consecutiveGatewayErrors: 3, consecutive5xxErrors: 2 },
      { consecutiveFailures: 2, consecutiveGatewayErrors: 3, consecutive5xx: 2 },
    ],
    [{ consecutive5xxErrors: 0 }, { consecutiveFailures: 0, consecutive5xx: 0 }],
    [{ consecutiveLocalOriginFailures: 1 }, { consecutiveFailures: 1 }],
    [
      { consecutive5xxErrors: 2, consecutiveLocalOriginFailures: 1, splitExternalLocalOriginErrors: true },
      { consecutiveFailures: 1, consecutive5xx: 2 },
    ],
    [{ consecutive5xxErrors: 2, splitExternalLocalOriginErrors: true }, { consecutive5xx: 2 }],
    [{ minHealthPercent: 0, splitExternalLocalOriginErrors: false }, {}],
  ])('%j goes by %j', (outlierDetection, detection) => {
    const { policy, problems } = mapPolicy({ outlierDetection })
    expect(policy.outlierDetection).toEqual({ ...NONE, ...detection })
    expect(problems).toEqual([])
  })

  it.each([
    [{ interval: '1s' }, 'interval: not supported, ignored (failures count at once)'],
    [{ minHealthPercent: 50 }, 'minHealthPercent: not supported, ignored'],
    [
      { maxEjectionPercent: 101 },
      'maxEjectionPercent: expected a whole number, 0 to 100, found 101, ignored',
    ],
    [{ baseEjectionTime: '0s' }, 'baseEjectionTime: expected a duration, 1ms to 596h, found "0s", ignored'],
    [
      { consecutiveErrors: -1 },
      'consecutiveErrors: expected a whole number, 0 to 2147483647, found -1, ignored',
    ],
  ])('%j is on as by default', (outlierDetection, problem) => {
    const { policy, problems } = mapPolicy({ outlierDetection })
    expect(policy.outlierDetection).toMatchObject({ consecutiveFailures: undefined })
    expect(problems).toEqual([`spec.trafficPolicy.outlierDetection.${problem}`])
  })
})
