import { NO_CONNECTION_POOL } from '@edgeway/core'
import { MemoryLogger } from '@edgeway/testbed'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { DestinationRule } from '../mappers/destination-rule-mapper.ts'
import { DestinationRuleIndex } from './destination-rule-index.ts'
import { DestinationRuleLog } from './destination-rule-log.ts'

const POLICY = { balancing: undefined, connectionPool: NO_CONNECTION_POOL, outlierDetection: undefined }

interface RuleSpec {
  readonly namespace?: string
  readonly name: string
  readonly service?: string
  readonly problems?: readonly string[]
  readonly gone?: true
}

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

function problemsOf(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `p${index}`)
}

class TestLog {
  readonly #logger = new MemoryLogger()
  readonly #index = new DestinationRuleIndex()
  readonly #log = new DestinationRuleLog(this.#index, this.#logger)

  /** The lines that it makes, each with its rule, or its namespace. */
  set(...rules: readonly RuleSpec[]): unknown[] {
    const before = this.#logger.lines.length
    for (const { namespace = 'shop', name, service, problems = [], gone } of rules) {
      const key = `${namespace}/${name}`
      const target = { host: '', service, goesByName: false }
      const rule: DestinationRule | undefined = gone
        ? undefined
        : { namespace, name, ...target, createdAt: '', policy: POLICY, problems }
      this.#index.set(key, rule)
      this.#log.set(key, rule)
    }
    this.#log.tellRivals()
    return this.#logger.lines.slice(before).map(({ level, fields }) => {
      expect(level).toBe('warn')
      return fields['problem'] === undefined
        ? `${fields['namespace']} ${fields['named']}`
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

  it('is not named among very many of its namespace, until others are gone', () => {
    const log = new TestLog()
    const lines = log.set(...['a', 'b', 'c'].map((name) => ({ name, problems: problemsOf(10) })))
    expect(lines).toHaveLength(26)
    expect(lines.at(-1)).toBe('shop 25')
    expect(log.set({ name: 'late', problems: ['x'] })).toEqual([])
    expect(log.set({ name: 'a', gone: true }, { name: 'late', problems: ['x'] })).toEqual(['shop/late x'])
  })

  it('is left out anew, which is told anew', () => {
    const log = new TestLog()
    expect(log.set({ name: 'a', problems: problemsOf(26) }).at(-1)).toBe('shop 25')
    expect(log.set({ name: 'a', problems: problemsOf(27) })).toEqual([])
    expect(log.set({ name: 'a', problems: problemsOf(24) })).toEqual([])
    expect(log.set({ name: 'a', problems: problemsOf(26) })).toEqual(['shop/a p24', 'shop 25'])
  })

  it('is named among very many of other namespaces', () => {
    const log = new TestLog()
    log.set(...problemsOf(60).map((name) => ({ namespace: 'evil', name, problems: problemsOf(10) })))
    expect(log.set({ name: 'mine', problems: ['x'] })).toEqual(['shop/mine x'])
  })

  it('is not named among very many of very many namespaces', () => {
    const log = new TestLog()
    const namespaces = problemsOf(21)
    const lines = log.set(
      ...namespaces.map((namespace) => ({ namespace, name: 'r', problems: problemsOf(25) })),
    )
    expect(lines).toHaveLength(501)
    expect(lines.at(-1)).toBe('p20 0')
    expect(log.set({ namespace: 'p0', name: 'r', gone: true }, { name: 'late', problems: ['x'] })).toEqual([
      'shop/late x',
    ])
  })

  it('is named no more often than the log bears, however often it changes, and in a later minute', () => {
    const log = new TestLog()
    const changes = Array.from({ length: 1_000 }, (_, index) => ({ name: 'a', problems: [`x${index}`] }))
    expect(log.set(...changes)).toHaveLength(30)
    const goings = [
      { name: 'a', gone: true as const },
      { name: 'a', problems: ['y'] },
    ]
    expect(log.set(...goings, ...goings)).toEqual([])
    expect(log.set({ namespace: 'other', name: 'a', problems: ['x'] })).toEqual(['other/a x'])

    vi.advanceTimersByTime(60_000)
    expect(log.set({ name: 'a', problems: ['y'] })).toEqual(['shop/a y'])
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
