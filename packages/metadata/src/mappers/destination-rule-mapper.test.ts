import { NO_CONNECTION_POOL } from '@edgeway/core'
import { describe, expect, it } from 'vitest'
import { readApiObject } from '../kubernetes/api-object.ts'
import { type DestinationRule, destinationRuleMapper } from './destination-rule-mapper.ts'

const mapRule = destinationRuleMapper('cluster.local')

function map(spec: unknown): DestinationRule {
  return mapRule(readApiObject({ metadata: { namespace: 'shop', name: 'calm' }, spec }))
}

function mapPolicy(trafficPolicy: unknown): DestinationRule {
  return map({ host: 'web', trafficPolicy })
}

describe('a mapped DestinationRule', () => {
  it('has all that the mesh can do of it', () => {
    const trafficPolicy = {
      loadBalancer: { simple: 'RANDOM' },
      connectionPool: {
        tcp: {
          maxConnections: 100,
          connectTimeout: '30ms',
          idleTimeout: '1h',
          maxConnectionDuration: '1m30s',
          tcpKeepalive: { probes: 3, time: '7200s', interval: '75s' },
        },
      },
      outlierDetection: { consecutive5xxErrors: 7, baseEjectionTime: '15m', maxEjectionPercent: 10 },
      tls: { mode: 'DISABLE' },
    }
    const object = {
      metadata: { namespace: 'shop', name: 'calm', creationTimestamp: '2024-05-01T10:00:00Z' },
      spec: { host: 'web', trafficPolicy, exportTo: ['.'], subsets: [] },
      status: { observedGeneration: 1 },
    }
    expect(mapRule(readApiObject(object))).toEqual({
      namespace: 'shop',
      name: 'calm',
      host: 'web',
      service: 'shop/web',
      goesByName: true,
      createdAt: '2024-05-01T10:00:00Z',
      policy: {
        balancing: { kind: 'random' },
        connectionPool: {
          maxConnections: 100,
          connectTimeoutMs: 30,
          idleTimeoutMs: 3_600_000,
          maxConnectionDurationMs: 90_000,
          keepAlive: { probes: 3, timeMs: 7_200_000, intervalMs: 75_000 },
          http: undefined,
        },
        outlierDetection: {
          consecutiveFailures: 7,
          baseEjectionMs: 900_000,
          maxEjectionPercent: 10,
          consecutive5xx: 7,
          consecutiveGatewayErrors: undefined,
        },
      },
      problems: [],
    })
  })

  it('without a policy wishes nothing', () => {
    const policy = { balancing: undefined, connectionPool: NO_CONNECTION_POOL, outlierDetection: undefined }
    expect(map({ host: 'web' })).toMatchObject({ policy, problems: [] })
    expect(mapPolicy(null)).toMatchObject({ policy, problems: [] })
  })

  it.each([
    [undefined, []],
    ['all', ['spec: expected an object, found "all", ignored']],
    [[], ['spec: expected an object, found [], ignored']],
  ])('whose spec is %j is one without any wish', (spec, problems) => {
    const policy = { balancing: undefined, connectionPool: NO_CONNECTION_POOL, outlierDetection: undefined }
    expect(map(spec)).toMatchObject({ host: '', service: undefined, goesByName: false, policy, problems })
  })

  it('names no more problems than anybody reads, and none at any length', () => {
    const many = Object.fromEntries(Array.from({ length: 40 }, (_, index) => [`x${index}`.padEnd(999), 1]))
    const { problems } = map({ host: 'web', ...many })
    expect(problems).toHaveLength(17)
    expect(problems.at(-1)).toBe('24 more fields are ignored')
    expect(Math.max(...problems.map(({ length }) => length))).toBeLessThan(250)
  })
})

describe('the host', () => {
  it.each([
    ['web', 'shop/web', true],
    ['Web', 'shop/web', true],
    ['web.shop', 'shop/web'],
    ['web.shop.svc', 'shop/web'],
    ['web.shop.svc.cluster.local', 'shop/web'],
    ['web.shop.svc.Cluster.Local', 'shop/web'],
  ])('%s stands for the Service %s', (host, service, goesByName = false) => {
    expect(map({ host })).toMatchObject({ host, service, goesByName, problems: [] })
  })

  it.each(['web.other', 'web.other.svc.cluster.local', 'example.org'])(
    '%s is of another namespace, which is told: the rule is for none',
    (host) => {
      const problem = `spec.host: expected a Service of the rule's own namespace, found "${host}", the rule is for no Service`
      expect(map({ host })).toMatchObject({ service: undefined, goesByName: false, problems: [problem] })
    },
  )

  it.each([
    '*',
    '*.x',
    '*.shop.svc.cluster.local',
    'web.other.svc.example.org',
    'web.shop.svc.cluster.local.',
    'db.example.com',
    '.',
    'web.',
    'web/x',
    'we_b',
    '__proto__',
    '\u212Aube',
    'x'.repeat(254),
  ])('%s can not be understood, which is told: the rule is for none', (host) => {
    const { problems, ...rule } = map({ host })
    expect(rule).toMatchObject({ service: undefined, goesByName: false })
    expect(problems).toHaveLength(1)
    expect(problems[0]).toMatch(
      /^spec.host: expected the name of one Service, found .*, the rule is for no Service$/,
    )
  })

  it('that is no text is for none', () => {
    expect(map({ host: 7 })).toMatchObject({
      ...{ host: '', service: undefined, goesByName: false },
      problems: ['spec.host: expected a string, found 7, ignored', 'spec.host: the rule is for no Service'],
    })
  })

  it.each(['', undefined, null])('that is %j leaves the name of the rule, which is told', (host) => {
    expect(map({ host })).toMatchObject({
      ...{ service: undefined, goesByName: true },
      problems: ['spec.host: expected the name of one Service, found "", ignored'],
    })
  })

  it('is named before all other problems', () => {
    const others = Object.fromEntries(Array.from({ length: 40 }, (_, index) => [`x${index}`, 1]))
    expect(map({ ...others, host: '*' }).problems[0]).toContain('spec.host')
  })

  it('may be of the domain that the cluster has', () => {
    const mapped = destinationRuleMapper('corp.example')(
      readApiObject({
        metadata: { namespace: 'shop', name: 'b' },
        spec: { host: 'web.shop.svc.corp.example' },
      }),
    )
    expect(mapped.service).toBe('shop/web')
  })
})

describe('balancing', () => {
  it.each([
    [{ simple: 'ROUND_ROBIN' }, { kind: 'round-robin' }],
    [{ simple: 'RANDOM' }, { kind: 'random' }],
    [{ simple: 'LEAST_REQUEST' }, { kind: 'least-connections' }],
    [{ simple: 'LEAST_CONN' }, { kind: 'least-connections' }],
    [{ simple: 'UNSPECIFIED' }, undefined],
    [{ simple: '' }, undefined],
    [{ consistentHash: { useSourceIp: true } }, { kind: 'source-ip-hash' }],
    [{ consistentHash: { useSourceIp: false } }, undefined],
    [{}, undefined],
  ])('%j is %j', (loadBalancer, balancing) => {
    expect(mapPolicy({ loadBalancer })).toMatchObject({ policy: { balancing }, problems: [] })
  })

  const AT = 'spec.trafficPolicy.loadBalancer'
  it.each([
    [{ simple: 'PASSTHROUGH' }, `${AT}.simple: not supported, ignored (PASSTHROUGH)`],
    [
      { simple: 'constructor' },
      `${AT}.simple: expected ROUND_ROBIN, RANDOM, LEAST_REQUEST or LEAST_CONN, found "constructor", ignored`,
    ],
    [{ simple: 7 }, `${AT}.simple: expected a string, found 7, ignored`],
    [
      { consistentHash: { httpQueryParameterName: 'x' } },
      `${AT}.consistentHash.httpQueryParameterName: not supported, ignored`,
    ],
    [
      { consistentHash: { useSourceIp: 'yes' } },
      `${AT}.consistentHash.useSourceIp: expected true or false, found "yes", ignored`,
    ],
    [{ consistentHash: 'yes' }, `${AT}.consistentHash: expected an object, found "yes", ignored`],
    [{ localityLbSetting: { enabled: true } }, `${AT}.localityLbSetting: not supported, ignored`],
  ])('%j is none, which is told', (loadBalancer, problem) => {
    expect(mapPolicy({ loadBalancer })).toMatchObject({
      policy: { balancing: undefined },
      problems: [problem],
    })
  })

  it.each(['minimumRingSize', 'ringHash', 'maglev'])('takes a hash of addresses without its %s', (field) => {
    const rule = mapPolicy({ loadBalancer: { consistentHash: { useSourceIp: true, [field]: 1024 } } })
    expect(rule.policy.balancing).toEqual({ kind: 'source-ip-hash' })
    expect(rule.problems).toEqual([`${AT}.consistentHash.${field}: not supported, ignored`])
  })
})

describe('a connection pool', () => {
  it.each([
    [{ maxConnections: 0 }, 'maxConnections', undefined],
    [{ maxConnections: 1 }, 'maxConnections', 1],
    [{ idleTimeout: '0s' }, 'idleTimeoutMs', undefined],
    [{ idleTimeout: '1.5s' }, 'idleTimeoutMs', 1_500],
    [{ connectTimeout: '1ms' }, 'connectTimeoutMs', 1],
    [{ maxConnectionDuration: '596h' }, 'maxConnectionDurationMs', 2_145_600_000],
    [{ tcpKeepalive: {} }, 'keepAlive', { probes: undefined, timeMs: undefined, intervalMs: undefined }],
  ])('%j has %s %j', (tcp, field, value) => {
    const { policy, problems } = mapPolicy({ connectionPool: { tcp } })
    expect(policy.connectionPool).toEqual({ ...NO_CONNECTION_POOL, [field]: value })
    expect(problems).toEqual([])
  })

  it.each([
    [{ maxConnections: -1 }, 'maxConnections: expected a whole number, 0 to 2147483647, found -1'],
    [{ maxConnections: 'abc' }, 'maxConnections: expected a whole number, 0 to 2147483647, found "abc"'],
    [{ maxConnections: 1.5 }, 'maxConnections: expected a whole number, 0 to 2147483647, found 1.5'],
    [{ connectTimeout: '0s' }, 'connectTimeout: expected a duration, 1ms to 596h, found "0s"'],
    [{ connectTimeout: 'soon' }, 'connectTimeout: expected a duration, 1ms to 596h, found "soon"'],
    [{ connectTimeout: 30 }, 'connectTimeout: expected a string, found 30'],
    [{ idleTimeout: '597h' }, 'idleTimeout: expected a duration, 0s to 596h, found "597h"'],
    [
      { maxConnectionDuration: '-1s' },
      'maxConnectionDuration: expected a duration, 1ms to 596h, found "-1s"',
    ],
    [{ tcpKeepalive: 'often' }, 'tcpKeepalive: expected an object, found "often"'],
    [{ tcpKeepalive: { probes: 200 } }, 'tcpKeepalive.probes: expected a whole number, 0 to 127, found 200'],
    [
      { tcpKeepalive: { time: '10ms' } },
      'tcpKeepalive.time: expected a duration, 1s to 32767s, found "10ms"',
    ],
    [
      { tcpKeepalive: { interval: '10h' } },
      'tcpKeepalive.interval: expected a duration, 1s to 32767s, found "10h"',
    ],
    [{ minConnections: 1 }, 'minConnections: not supported'],
  ])('%j goes by its other fields', (tcp, problem) => {
    const other = 'connectTimeout' in tcp ? { maxConnections: 5 } : { connectTimeout: '1s' }
    const known = 'connectTimeout' in tcp ? { maxConnections: 5 } : { connectTimeoutMs: 1_000 }
    const { policy, problems } = mapPolicy({ connectionPool: { tcp: { ...other, ...tcp } } })
    expect(policy.connectionPool).toMatchObject(known)
    expect(problems).toEqual([`spec.trafficPolicy.connectionPool.tcp.${problem}, ignored`])
  })
})

describe('what is not supported', () => {
  const PODS = 'not supported, ignored (labels of pods are not watched)'
  it.each([
    [{ subsets: [{ name: 'v1', labels: { version: 'v1' } }] }, `spec.subsets: ${PODS}`],
    [{ workloadSelector: { matchLabels: { app: 'x' } } }, `spec.workloadSelector: ${PODS}`],
    [{ exportTo: ['other'] }, 'spec.exportTo: not supported, ignored'],
    [{ exportTo: 'all' }, 'spec.exportTo: expected a list of strings, found "all", ignored'],
    [{ future: true }, 'spec.future: not supported, ignored'],
  ])('%j is told, and the rest counts', (more, problem) => {
    const trafficPolicy = { loadBalancer: { simple: 'RANDOM' } }
    const { policy, problems } = map({ host: 'web', trafficPolicy, ...more })
    expect(policy.balancing).toEqual({ kind: 'random' })
    expect(problems).toEqual([problem])
  })

  it.each([
    ['portLevelSettings', [{ port: { number: 80 } }]],
    ['tunnel', { targetHost: 'x' }],
    ['tls', { mode: 'ISTIO_MUTUAL' }],
    ['tls', {}],
    ['proxyProtocol', { version: 'V2' }],
  ])('spec.trafficPolicy.%s is told, and the rest counts', (field, value) => {
    const rule = mapPolicy({ loadBalancer: { simple: 'RANDOM' }, [field]: value })
    expect(rule.policy.balancing).toEqual({ kind: 'random' })
    expect(rule.problems).toEqual([`spec.trafficPolicy.${field}: not supported, ignored`])
  })
})
