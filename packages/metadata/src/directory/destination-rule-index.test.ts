import { NO_CONNECTION_POOL } from '@edgeway/core'
import { describe, expect, it } from 'vitest'
import type { DestinationRule } from '../mappers/destination-rule-mapper.ts'
import { DestinationRuleIndex } from './destination-rule-index.ts'

const RULES = 2_000

/** All for `shop/web`, in an order that is neither theirs nor its reverse, and how often anybody reads of them. */
class Flood {
  reads = 0
  readonly rules: readonly (readonly [key: string, rule: DestinationRule])[]

  constructor(namespace: string) {
    this.rules = Array.from({ length: RULES }, (_, index) => {
      const name = `r${(index * 7) % RULES}`.padStart(6, '0')
      return [`${namespace}/${name}`, this.#counted({ ...RULE, namespace, name })]
    })
  }

  #counted(rule: DestinationRule): DestinationRule {
    return new Proxy(rule, {
      get: (target, field) => {
        this.reads++
        return Reflect.get(target, field)
      },
    })
  }
}

const RULE: DestinationRule = {
  ...{ namespace: '', name: '', host: 'web', service: 'shop/web', goesByName: true, createdAt: '' },
  policy: { balancing: { kind: 'random' }, connectionPool: NO_CONNECTION_POOL, outlierDetection: undefined },
  problems: [],
}

describe('very many DestinationRules for one Service', () => {
  it.each(['shop', 'mallory'])(
    'of namespace %s cost little each, when they come and when they go',
    (namespace) => {
      const flood = new Flood(namespace)
      const index = new DestinationRuleIndex()
      const exists = (service: string): boolean => service === 'shop/web'
      for (const [key, rule] of flood.rules) {
        index.set(key, rule)
        index.policyOf('shop/web', exists)
      }
      for (const [key] of flood.rules) {
        index.set(key, undefined)
        index.policyOf('shop/web', exists)
      }
      // Twice a binary search of 11 steps, each of which reads four fields, and some more.
      expect(flood.reads).toBeLessThan(RULES * 120)
    },
  )

  it('are in order, whatever order they came and went in', () => {
    const { rules } = new Flood('shop')
    const index = new DestinationRuleIndex()
    for (const [key, rule] of rules) index.set(key, rule)
    for (const [key] of rules.slice(0, RULES / 2)) index.set(key, undefined)
    const names = rules.slice(RULES / 2).map(([, { name }]) => name)
    expect(index.rivals('shop/web').map(({ name }) => name)).toEqual(names.toSorted())
    for (const [key] of rules) index.set(key, undefined)
    expect(index.rivals('shop/web')).toEqual([])
    expect(index.dependents('shop/web').size).toBe(0)
  })

  it('of another namespace are no rivals, and nobody depends on it for them', () => {
    const index = new DestinationRuleIndex()
    for (const [key, rule] of new Flood('mallory').rules) index.set(key, rule)
    expect(index.rivals('shop/web')).toEqual([])
    expect(index.dependents('shop/web').size).toBe(0)
  })
})
