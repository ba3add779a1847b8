import { describe, expect, it } from 'vitest'
import { BENCHES } from '../cases/index.ts'
import { TARGETS } from '../targets.ts'
import { absolute, compare, judged, median, missing, unmeasured } from './result.ts'

const BULK = { bench: 'relayed', case: 'two sites', metric: 'bulk 1 flow', unit: 'Mbit/s' }
const RSS = { bench: 'footprint', case: 'agent, 15 Services', metric: 'RSS', unit: 'MB' }

describe('a result', () => {
  it('is the median of the pairs, whatever each pair reached', () => {
    expect(median([3, 1, 2])).toBe(2)
    expect(median([4, 1, 2, 3])).toBe(2.5)
    const result = compare(BULK, [10, 30, 20], { name: 'haproxy', values: [100, 100, 50] })
    expect(result).toMatchObject({ ours: 20, reference: 100, ratio: 0.3, spread: [0.1, 0.4] })
  })

  it('meets a target or not, by its ratio', () => {
    const reached = (ratio: number) => judged(compare(BULK, [ratio], { name: 'haproxy', values: [1] }))
    expect(reached(0.3)).toMatchObject({ target: 'P5 >= 0.3', met: true })
    expect(reached(0.29)).toMatchObject({ met: false })
  })

  it('meets a target by itself where there is nothing to compare with', () => {
    expect(judged(absolute(RSS, [72]))).toMatchObject({ target: 'P10 <= 72', met: true })
    expect(judged(absolute(RSS, [73]))).toMatchObject({ met: false })
  })

  it('that could not be had meets nothing', () => {
    expect(judged(missing(RSS, 'it did not start'))).toMatchObject({ met: false, reason: 'it did not start' })
  })

  it('that could not be had meets nothing even without a target', () => {
    const result = missing({ ...RSS, case: 'agent, 7 Services' }, 'it did not start')
    expect(judged(result)).toMatchObject({ target: null, met: false })
  })

  it('without a target is told all the same', () => {
    expect(judged(compare(BULK, [1], { name: 'direct', values: [1] }))).toMatchObject({
      target: null,
      met: null,
    })
  })
})

describe('a target that nothing measured', () => {
  const [target] = TARGETS.filter(({ bench, metric }) => bench === 'footprint' && metric === 'RSS')
  const targets = target === undefined ? [] : [target]

  it('is not met, and says that there was no figure', () => {
    const [result, ...others] = unmeasured(targets, [], new Map())
    expect(others).toEqual([])
    expect(result).toMatchObject({ case: 'agent, 15 Services', reason: 'the bench gave no such figure' })
    expect(judged(result ?? absolute(RSS, [1]))).toMatchObject({ target: 'P10 <= 72', met: false })
  })

  it('says why its bench failed, or that there is none yet', () => {
    const failures = new Map([['footprint', 'no memory']])
    expect(unmeasured(targets, [], failures)).toMatchObject([{ reason: 'no memory' }])
    const open = targets.map((one) => ({ ...one, open: 'no case yet' }))
    expect(unmeasured(open, [], failures)).toMatchObject([{ reason: 'no case yet' }])
  })

  it('is not listed once there is a result', () => {
    expect(unmeasured(targets, [absolute(RSS, [100])], new Map())).toEqual([])
  })
})

describe('the targets', () => {
  it('are P1 to P15', () => {
    const ids = [...new Set(TARGETS.map(({ id }) => id))]
    expect(ids).toEqual(Array.from({ length: 15 }, (_, index) => `P${index + 1}`))
  })

  it('are judged by one comparison for each figure', () => {
    const keys = TARGETS.map((target) =>
      [target.bench, target.case, target.metric, target.reference].join('|'),
    )
    expect(new Set(keys).size).toBe(keys.length)
    for (const { atLeast, atMost } of TARGETS)
      expect([atLeast, atMost].filter((bound) => bound !== undefined)).toHaveLength(1)
  })

  it('belong to a bench, or say why they are open', () => {
    const benches = BENCHES.map(({ name }) => name)
    for (const { bench, open } of TARGETS) expect(open !== undefined || benches.includes(bench)).toBe(true)
  })
})
