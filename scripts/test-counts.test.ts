import { describe, expect, it } from 'vitest'
import { countTests, sumCounts } from './test-counts.ts'

const REPORT = {
  numPassedTests: 5,
  numFailedTests: 0,
  numPendingTests: 2,
  testResults: [{ status: 'passed', assertionResults: [{}] }],
}

describe('the count of tests', () => {
  it('is what the report says', () => {
    expect(countTests(JSON.stringify(REPORT), 0)).toEqual({ passed: 5, failed: 0, skipped: 2 })
  })

  it.each([
    ['there is no report', undefined],
    ['the report was cut off', '{"numPassedTests": 5, "numFai'],
  ])('has a failure when %s', (_why, report) => {
    expect(countTests(report, 0)).toEqual({ passed: 0, failed: 1, skipped: 0 })
  })

  it('has a failure for each file that could not be loaded', () => {
    const testResults = [{ status: 'failed', assertionResults: [] }]
    expect(countTests(JSON.stringify({ ...REPORT, testResults }), 1).failed).toBe(1)
  })

  it('has a failure when vitest failed although no test did', () => {
    expect(countTests(JSON.stringify(REPORT), 1).failed).toBe(1)
  })

  it('takes skipped tests for failed ones in CI', () => {
    const all = [
      { passed: 1, failed: 0, skipped: 1 },
      { passed: 2, failed: 1, skipped: 0 },
    ]
    expect(sumCounts(all, true)).toEqual({ passed: 3, failed: 2, skipped: 0 })
    expect(sumCounts(all, false)).toEqual({ passed: 3, failed: 1, skipped: 1 })
  })
})
