import { NO_CONNECTION_POOL } from '@edgeway/core'
import { MemoryLogger } from '@edgeway/testbed'
import { describe, expect, it } from 'vitest'
import type { DestinationRule } from '../mappers/destination-rule-mapper.ts'
import { DestinationRuleIndex } from './destination-rule-index.ts'
import { DestinationRuleLog } from './destination-rule-log.ts'

const POLICY = { balancing: undefined, connectionPool: NO_CONNECTION_POOL, outlierDetection: undefined }

class TestLog {
  readonly #logger = new MemoryLogger()
  readonly #index = new DestinationRuleIndex()
  readonly #log = new DestinationRuleLog(this.#index, this.#logger)

  /** The lines that it makes, each with its rule. */
  set(
    ...rules: readonly { name: string; service?: string; problems?: readonly string[]; gone?: true }[]
  ): unknown[] {
    const before = this.#logger.lines.length
    for (const { name, service, problems = [], gone } of rules) {
      const key = `shop/${name}`
      const rule: DestinationRule | undefined = gone
        ? undefined
        : { namespace: 'shop', name, host: '', service, createdAt: '', policy: POLICY, problems }
      this.#index.set(key, rule)
      this.#log.set(key, rule)
    }
    this.#log.tellRivals()
    return this.#logger.lines.slice(before).map(({ level, fields }) => {
      expect(level).toBe('warn')
      return fields['problem'] === undefined
        ? fields['named']
        : `${fields['destinationRule']} ${fields['problem']}`
    })
  }
}

describe('a problem of a DestinationRule', () => {
  it('is named once, and anew after it was gone', () => {
    const log = new TestLog()
    expect(log.set({ name: 'a', problems: ['x', 'y', 'x'] })).toEqual(['shop/a x', 'shop/a y'])
    expect(log.set({ name: 'a', problems: ['y', 'z'] })).toEqual(['shop/a z'])
    expect(log.set({ name: 'b', problems: ['y'] })).toEqual(['shop/b y'])
    expect(log.set({ name: 'a', problems: ['x'] })).toEqual(['shop/a x'])
    expect(log.set({ name: 'a', gone: true }, { name: 'a', problems: ['x'] })).toEqual(['shop/a x'])
  })

  it('is not named among very many, until others are gone', () => {
    const log = new TestLog()
    const many = Array.from({ length: 60 }, (_, index) => ({
      name: `r${index}`,
      problems: Array.from({ length: 10 }, (_nothing, problem) => `p${problem}`),
    }))
    const lines = log.set(...many)
    expect(lines).toHaveLength(501)
    expect(lines.at(-1)).toBe(500)
    expect(log.set({ name: 'late', problems: ['x'] })).toEqual([])
    expect(log.set({ name: 'r0', gone: true }, { name: 'late', problems: ['x'] })).toEqual(['shop/late x'])
  })
})

describe('two DestinationRules for a Service', () => {
  const BOTH = 'shop/a 2 DestinationRules are for shop/web, shop/a is used, not shop/b'
  const a = { name: 'a', service: 'shop/web' }
  const b = { name: 'b', service: 'shop/web' }

  it('are named once, and anew after they were not', () => {
    const log = new TestLog()
    expect(log.set(b)).toEqual([])
    expect(log.set(a)).toEqual([BOTH])
    expect(log.set(a, b)).toEqual([])
    expect(log.set({ name: 'b', service: 'shop/api' })).toEqual([])
    expect(log.set(b)).toEqual([BOTH])
    expect(log.set({ ...a, gone: true })).toEqual([])
  })

  it('are named when all of a list was taken, not one after the other', () => {
    expect(new TestLog().set(b, a)).toEqual([BOTH])
  })

  it('are not named one and all where they are many', () => {
    const [line] = new TestLog().set(...[...'abcdefghij'].map((name) => ({ name, service: 'shop/web' })))
    expect(line).toBe(
      'shop/a 10 DestinationRules are for shop/web, shop/a is used, not shop/b, shop/c, shop/d, shop/e and 5 more',
    )
  })
})
