import { describe, expect, it } from 'vitest'
import { absolute, compare, judged, median, missing } from './result.ts'

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

  it('without a target is told all the same', () => {
    expect(judged(compare(BULK, [1], { name: 'direct', values: [1] }))).toMatchObject({
      target: null,
      met: null,
    })
  })
})
