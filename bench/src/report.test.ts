import { describe, expect, it } from 'vitest'
import { jsonLinesOf, tableOf } from './report.ts'
import { absolute, compare, judged, missing } from './result.ts'

const RELAYED = { bench: 'relayed', case: 'two sites', metric: 'bulk 1 flow', unit: 'Mbit/s' }
const RSS = { bench: 'footprint', case: 'agent, 15 Services', metric: 'RSS', unit: 'MB' }
const RESULTS = [
  compare(RELAYED, [1_234.5, 1_000], { name: 'haproxy', values: [2_469, 4_000] }),
  absolute(RSS, [70.12]),
  missing({ ...RSS, case: 'agent, 1000 Services' }, 'it did not start'),
].map(judged)

describe('a report', () => {
  it('is a table of what was reached, and of what was not to be had', () => {
    const [header, relayed, rss, failed, , summary] = tableOf(RESULTS)
      .split('\n')
      .map((line) => line.split(/ {2,}/))
    expect(header?.slice(0, 5)).toEqual(['bench', 'case', 'metric', 'ours', 'reference'])
    expect(relayed?.slice(3)).toEqual([
      '1,117 Mbit/s',
      '3,235',
      'haproxy',
      '0.38',
      '0.25..0.50',
      'P5 >= 0.3',
      'yes',
    ])
    expect(rss?.slice(3)).toEqual(['70.1 MB', '70.1..70.1', 'P10 <= 72', 'yes'])
    expect(failed?.slice(3)).toEqual(['it did not start', 'P10 <= 80', 'NO'])
    expect(summary).toEqual(['2 of 2 measured targets are met; 1 could not be measured.'])
  })

  it('counts targets only, not figures without one that were not to be had', () => {
    const other = judged(missing({ ...RSS, case: 'agent, 7 Services' }, 'it did not start'))
    const lines = tableOf([...RESULTS, other]).split('\n')
    expect(lines.at(-1)).toBe('2 of 2 measured targets are met; 1 could not be measured.')
  })

  it('has a line of JSON per result, each with every field', () => {
    const lines = jsonLinesOf(RESULTS)
      .split('\n')
      .map((line): unknown => JSON.parse(line))
    expect(lines[0]).toMatchObject({
      bench: 'relayed',
      case: 'two sites',
      metric: 'bulk 1 flow',
      ours: 1_117.25,
      reference: 3_234.5,
      referenceName: 'haproxy',
      ratio: 0.375,
      target: 'P5 >= 0.3',
      met: true,
    })
    expect(lines[1]).toMatchObject({ reference: null, referenceName: 'absolute', ratio: null })
    expect(lines[2]).toMatchObject({ ours: null, ratio: null, met: false, reason: 'it did not start' })
  })
})
