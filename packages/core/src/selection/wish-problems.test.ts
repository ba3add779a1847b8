import { describe, expect, it } from 'vitest'
import { formatServicePortName, type ServicePort } from '../model/service.ts'
import { wishProblems } from './wish-problems.ts'

interface Spec {
  readonly ports?: readonly string[]
  readonly protocol?: ServicePort['protocol']
  readonly clientIpAffinitySeconds?: number | undefined
}

/** Without the prefix of the annotations. */
function problemsOf(annotations: Readonly<Record<string, string>>, spec: Spec = {}): readonly string[] {
  const { ports = ['http'], protocol = 'TCP', clientIpAffinitySeconds } = spec
  const prefixed = Object.entries(annotations).map(([name, value]) => [`edgeway.io/${name}`, value])
  const service = {
    annotations: Object.fromEntries(prefixed),
    clientIpAffinitySeconds,
    ports: ports.map((name) => portOf(name, protocol)),
  }
  return wishProblems(service).map((problem) => problem.replaceAll('edgeway.io/', ''))
}

function portOf(name: string, protocol: ServicePort['protocol']): ServicePort {
  return {
    name: formatServicePortName('shop', 'web', name),
    protocol,
    port: 80,
    clusterIps: [],
    externalIps: [],
    nodePort: undefined,
    appProtocol: undefined,
    proxied: true,
  }
}

describe('wishProblems', () => {
  it('has nothing against wishes that go together', () => {
    const annotations = {
      'hash-header': 'x-user',
      retries: '2',
      'retry-on': '503',
      'request-timeout': '10s',
      'per-try-timeout': '2s',
    }

    expect(problemsOf(annotations)).toEqual([])
    expect(problemsOf(annotations, { ports: [] })).toEqual([])
  })

  it('says what can not be understood', () => {
    expect(problemsOf({ retries: 'many' })).toEqual([
      'retries: expected a whole number, 0 to 10, found "many"',
    ])
  })

  it('says which of two hashes comes first', () => {
    expect(problemsOf({ 'hash-header': 'x', 'hash-cookie': 'y' })).toEqual([
      'hash-cookie: no effect, hash-header comes first',
    ])
    expect(problemsOf({ 'hash-header': 'x', 'hash-cookie': 'y', balancing: 'random' })).toEqual([
      'hash-header: no effect, balancing comes first',
      'hash-cookie: no effect, balancing comes first',
    ])
    expect(problemsOf({ 'hash-cookie': 'y', balancing: 'random' }, { clientIpAffinitySeconds: 60 })).toEqual([
      'hash-cookie: no effect, sessionAffinity comes first',
    ])
  })

  it('lets nothing come first that can not be understood', () => {
    expect(problemsOf({ 'hash-header': 'x y', 'hash-cookie': 'y' })).toEqual([
      'hash-header: expected the name of a header, found "x y"',
    ])
  })

  it('says which wishes nobody looks for at L4', () => {
    expect(problemsOf({ forwarding: 'l4', 'hash-header': 'x', 'request-timeout': '1s' })).toEqual([
      'hash-header: no effect, forwarding is l4',
      'request-timeout: no effect, forwarding is l4',
    ])
  })

  it.each<Spec & { readonly wish?: string }>([
    { ports: ['tcp', 'https'] },
    { ports: ['dns'], protocol: 'UDP' },
    { ports: ['http'], wish: 'tls' },
  ])('says which wishes are for HTTP, where none is spoken: %o', ({ wish, ...spec }) => {
    const declared = wish === undefined ? {} : { protocol: wish }
    const problem = 'no effect, no port of the Service speaks HTTP'

    expect(problemsOf({ ...declared, forwarding: 'l7', retries: '1' }, spec)).toEqual([
      `forwarding: ${problem}`,
      `retries: ${problem}`,
    ])
  })

  it.each(['http', '', 'web'])('takes a port "%s" among others for one that may speak HTTP', (port) => {
    expect(problemsOf({ forwarding: 'l7', retries: '1' }, { ports: ['https', port] })).toEqual([])
  })

  it('says that nobody looks for the name of a server where no TLS is declared', () => {
    const problem = 'balancing: server-name-hash has no effect, no port of the Service declares TLS'
    const balancing = 'server-name-hash'

    expect(problemsOf({ balancing }, { ports: ['http', ''] })).toEqual([problem])
    expect(problemsOf({ balancing }, { ports: ['http', 'https'] })).toEqual([])
    expect(problemsOf({ balancing, protocol: 'tls' }, { ports: ['db'] })).toEqual([])
  })

  it('says which annotation another one is needed for', () => {
    const problem = 'retry-on: no effect without retries'

    expect(problemsOf({ 'retry-on': '503' })).toEqual([problem])
    expect(problemsOf({ 'retry-on': '503', retries: '0' })).toEqual([problem])
  })

  it('says that a try can not take longer than its request', () => {
    const problem = 'per-try-timeout: no effect, request-timeout is not longer'

    expect(problemsOf({ 'request-timeout': '2s', 'per-try-timeout': '2000ms' })).toEqual([problem])
    expect(problemsOf({ 'request-timeout': '2s', 'per-try-timeout': '1s' })).toEqual([])
    expect(problemsOf({ 'per-try-timeout': '1s' })).toEqual([])
  })
})
