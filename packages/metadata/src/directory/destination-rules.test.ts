import {
  type DestinationBalancing,
  formatServicePortName,
  NO_CONNECTION_POOL,
  type NodeName,
  type ServicePortName,
} from '@edgeway/core'
import { endpointsOf, serviceOf } from '@edgeway/testbed'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { DestinationRule } from '../mappers/destination-rule-mapper.ts'
import { ClusterDirectory } from './cluster-directory.ts'

const WEB = formatServicePortName('shop', 'web', 'http')
const API = formatServicePortName('shop', 'api', 'http')

/** Of a balancing that needs nothing more. */
type Kind = Exclude<DestinationBalancing['kind'], 'header-hash' | 'cookie-hash'>

interface RuleSpec {
  readonly balancing?: Kind
  readonly createdAt?: string
  readonly goesByName?: boolean
}

/** From `namespace/name`, for the Service of such a name, if any. */
function ruleOf(
  key: string,
  service?: string,
  { balancing = 'random', createdAt = '', goesByName = true }: RuleSpec = {},
): [key: string, rule: DestinationRule] {
  const [namespace = '', name = ''] = key.split('/')
  const policy = {
    balancing: { kind: balancing },
    connectionPool: NO_CONNECTION_POOL,
    outlierDetection: undefined,
  }
  const target = { host: '', service, goesByName }
  const rule: DestinationRule = { namespace, name, ...target, createdAt, policy, problems: [] }
  return [key, rule]
}

class TestDirectory extends ClusterDirectory {
  readonly changes: ServicePortName[] = []

  constructor(...services: readonly string[]) {
    super('edge-1' as NodeName)
    for (const service of services) this.add(service)
    this.watch((name) => void this.changes.push(name))
  }

  add(service: string, clusterIp = '10.96.0.1'): void {
    this.setService(service, serviceOf(`${service}:http`, clusterIp, 80))
  }

  balancing(service: string): DestinationBalancing['kind'] | undefined {
    const [namespace = '', name = ''] = service.split('/')
    const found = this.service(namespace, name)
    expect(this.serviceOf(formatServicePortName(namespace, name, 'http'))).toBe(found)
    return found?.destinationPolicy?.balancing?.kind
  }
}

describe('a DestinationRule', () => {
  it('is for the Service of its host, whichever comes first', () => {
    const directory = new TestDirectory()
    directory.setDestinationRule(...ruleOf('shop/calm', 'shop/web'))
    expect(directory.changes).toEqual([])
    directory.add('shop/web')
    expect(directory.balancing('shop/web')).toBe('random')

    directory.setDestinationRule(...ruleOf('shop/calm', 'shop/web', { balancing: 'round-robin' }))
    expect(directory.balancing('shop/web')).toBe('round-robin')
    directory.setDestinationRule('shop/calm', undefined)
    expect(directory.balancing('shop/web')).toBeUndefined()
    expect(directory.changes).toEqual([WEB, WEB, WEB])
  })

  it('without a host is for the Service of its name', () => {
    const directory = new TestDirectory('shop/web', 'other/web')
    directory.setDestinationRule(...ruleOf('shop/web'))
    expect(directory.balancing('shop/web')).toBe('random')
    expect(directory.balancing('other/web')).toBeUndefined()
    expect(directory.changes).toEqual([WEB])
  })

  it('is for the Service of its host alone where there is one, and for that of its name when it goes', () => {
    const directory = new TestDirectory('shop/web')
    directory.setDestinationRule(...ruleOf('shop/web', 'shop/api'))
    expect(directory.balancing('shop/web')).toBe('random')

    directory.add('shop/api')
    expect(directory.balancing('shop/web')).toBeUndefined()
    expect(directory.balancing('shop/api')).toBe('random')
    directory.setService('shop/api', undefined)
    expect(directory.balancing('shop/web')).toBe('random')
    expect(directory.changes).toEqual([WEB, API, WEB, API, WEB])
  })

  it.each([undefined, 'shop/api'])(
    'that does not go by its name, for %s, is not for its namesake',
    (service) => {
      const directory = new TestDirectory('shop/web')
      directory.setDestinationRule(...ruleOf('shop/web', service, { goesByName: false }))
      directory.add('shop/api')
      directory.setService('shop/api', undefined)
      expect(directory.balancing('shop/web')).toBeUndefined()
      expect(directory.changes).not.toContain(WEB)
    },
  )

  it('of a host counts before that of the name', () => {
    const directory = new TestDirectory('shop/web')
    directory.setDestinationRule(...ruleOf('shop/web', undefined, { balancing: 'round-robin' }))
    directory.setDestinationRule(...ruleOf('shop/calm', 'shop/web'))
    expect(directory.balancing('shop/web')).toBe('random')
    directory.setDestinationRule('shop/calm', undefined)
    expect(directory.balancing('shop/web')).toBe('round-robin')
  })

  it('that moves to another host leaves its Service', () => {
    const directory = new TestDirectory('shop/web', 'shop/api')
    directory.setDestinationRule(...ruleOf('shop/calm', 'shop/web'))
    directory.setDestinationRule(...ruleOf('shop/calm', 'shop/api'))
    expect(directory.balancing('shop/web')).toBeUndefined()
    expect(directory.balancing('shop/api')).toBe('random')
  })

  it('stays with its Service while that changes', () => {
    const directory = new TestDirectory('shop/web')
    directory.setDestinationRule(...ruleOf('shop/web', 'shop/web'))
    directory.add('shop/web', '10.96.0.2')
    expect(directory.balancing('shop/web')).toBe('random')
    directory.add('shop/web', '10.96.0.2')
    expect(directory.changes).toEqual([WEB, WEB])
  })

  it('that changes nothing is told to nobody', () => {
    const directory = new TestDirectory('shop/web')
    directory.setDestinationRule(...ruleOf('shop/a', 'shop/web'))
    directory.setDestinationRule(...ruleOf('shop/b', 'shop/web'))
    directory.setDestinationRule(...ruleOf('shop/c', 'shop/none'))
    expect(directory.changes).toEqual([WEB])
  })

  it('is told once in a batch, after it', () => {
    const directory = new TestDirectory('shop/web')
    directory.batch(() => {
      directory.setDestinationRule(...ruleOf('shop/a', 'shop/web'))
      directory.setDestinationRule(...ruleOf('shop/a', 'shop/web', { balancing: 'round-robin' }))
      expect(directory.changes).toEqual([])
    })
    expect(directory.changes).toEqual([WEB])
  })

  it('leaves endpoints alone, and a contested address with whom it is', () => {
    const directory = new TestDirectory('shop/api', 'shop/web')
    const endpoints = endpointsOf('edge-1/10.1.0.1:80')
    const ports = [{ name: 'http', port: 80, protocol: 'TCP' as const }]
    directory.setSlice('shop/api-1', { service: 'shop/api', ports, endpoints })
    directory.setDestinationRule(...ruleOf('shop/api', 'shop/api'))
    expect(directory.lookup('10.96.0.1', 80, 'TCP')?.name).toBe(WEB)
    expect(directory.endpoints(API)).toEqual(endpoints)
  })
})

describe('a DestinationRule of another namespace', () => {
  it('is for no Service of this one, nor for its namesake', () => {
    const directory = new TestDirectory('shop/web', 'mallory/web')
    directory.setDestinationRule(...ruleOf('mallory/web', 'shop/web', { balancing: 'round-robin' }))

    expect(directory.balancing('shop/web')).toBeUndefined()
    directory.setService('shop/web', undefined)
    expect(directory.balancing('mallory/web')).toBeUndefined()
  })
})

describe('of several DestinationRules for a Service', () => {
  it.each<[string, ReturnType<typeof ruleOf>, ReturnType<typeof ruleOf>]>([
    [
      'the oldest one',
      ruleOf('shop/z', 'shop/web', { createdAt: '2024-01-01T00:00:00Z' }),
      ruleOf('shop/a', 'shop/web', { createdAt: '2024-01-02T00:00:00Z' }),
    ],
    ['the first one of the alphabet', ruleOf('shop/a', 'shop/web'), ruleOf('shop/b', 'shop/web')],
  ])('%s counts, whichever comes first', (_, [key, rule], other) => {
    const policy = { ...rule.policy, balancing: { kind: 'source-ip-hash' as const } }
    const first: typeof other = [key, { ...rule, policy }]
    for (const rules of [
      [first, other],
      [other, first],
    ]) {
      const directory = new TestDirectory('shop/web')
      for (const [name, one] of rules) directory.setDestinationRule(name, one)
      expect(directory.balancing('shop/web')).toBe('source-ip-hash')
      directory.setDestinationRule(key, undefined)
      expect(directory.balancing('shop/web')).toBe('random')
    }
  })
})

const KEYS = ['a/x', 'a/y', 'b/x'] as const
const key = fc.constantFrom(...KEYS)
const change = fc.oneof(
  fc.record({ service: key, exists: fc.boolean() }),
  fc.record({
    rule: key,
    spec: fc.option(
      fc.record({
        service: fc.option(key, { nil: undefined }),
        balancing: fc.constantFrom<Kind>('random', 'round-robin'),
        createdAt: fc.constantFrom('1', '2'),
        goesByName: fc.boolean(),
      }),
    ),
  }),
)

type Change = typeof change extends fc.Arbitrary<infer One> ? One : never

function applyTo(directory: TestDirectory, one: Change): void {
  if ('service' in one) {
    if (one.exists) directory.add(one.service)
    else directory.setService(one.service, undefined)
  } else if (one.spec === null) directory.setDestinationRule(one.rule, undefined)
  else directory.setDestinationRule(...ruleOf(one.rule, one.spec.service, one.spec))
}

/** What holds after all changes, made at once: the last one of each rule, then of each Service. */
function outcomeOf(changes: readonly Change[]): TestDirectory {
  const last = new Map(changes.map((one) => ['service' in one ? `1 ${one.service}` : `0 ${one.rule}`, one]))
  const directory = new TestDirectory()
  for (const [, one] of [...last].toSorted(([a], [b]) => (a < b ? -1 : 1))) applyTo(directory, one)
  return directory
}

describe('policies of Services', () => {
  it('are the same in whatever order things came, and each change of one is told', () => {
    fc.assert(
      fc.property(fc.array(change, { maxLength: 30 }), (changes) => {
        const directory = new TestDirectory()
        const told = new Map<string, DestinationBalancing['kind'] | undefined>()
        directory.watch((name) => {
          const service = name.replace(':http', '')
          told.set(service, directory.balancing(service))
        })
        for (const one of changes) applyTo(directory, one)
        const outcome = outcomeOf(changes)
        for (const service of KEYS) {
          expect(directory.balancing(service)).toBe(outcome.balancing(service))
          expect(told.get(service)).toBe(outcome.balancing(service))
        }
      }),
    )
  })
})
