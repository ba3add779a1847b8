import { describe, expect, it } from 'vitest'
import { countTests, sumCounts } from './test-counts.ts'

const REPORT = {
  numPassedTests: 5,
  numFailedTests: 0,
  numPendingTests: 2,
  testResults: [{ name: 'a.test.ts', status: 'passed', assertionResults: [{ status: 'passed' }] }],
}

describe('the count of tests', () => {
  it('is what the report says', () => {
    expect(countTests(JSON.stringify(REPORT), 0)).toMatchObject({
      passed: 5,
      failed: 0,
      skipped: 2,
      failures: [],
    })
  })

  it.each([
    ['there is no report', undefined],
    ['the report was cut off', '{"numPassedTests": 5, "numFai'],
  ])('has a failure when %s', (_why, report) => {
    expect(countTests(report, 0)).toMatchObject({
      passed: 0,
      failed: 1,
      skipped: 0,
      failures: [expect.any(String)],
    })
  })

  it('has a failure for each file that could not be loaded', () => {
    const testResults = [
      { name: 'a.test.ts', status: 'failed', message: 'Cannot find package', assertionResults: [] },
    ]
    expect(countTests(JSON.stringify({ ...REPORT, testResults }), 1)).toMatchObject({
      failed: 1,
      failures: ['a.test.ts: Cannot find package'],
    })
  })

  it('names each failed test and why', () => {
    const failed = {
      status: 'failed',
      fullName: 'a relay ends',
      failureMessages: ['Error: too late\n  at …'],
    }
    const testResults = [
      { name: 'a.test.ts', status: 'failed', message: '', assertionResults: [failed, { status: 'passed' }] },
    ]
    expect(countTests(JSON.stringify({ ...REPORT, numFailedTests: 1, testResults }), 1)).toMatchObject({
      failed: 1,
      failures: ['a.test.ts: a relay ends: Error: too late'],
    })
  })

  it('has a failure when vitest failed although no test did', () => {
    expect(countTests(JSON.stringify(REPORT), 1).failed).toBe(1)
  })

  it('takes skipped tests for failed ones in CI', () => {
    const all = [
      { passed: 1, failed: 0, skipped: 1, failures: [] },
      { passed: 2, failed: 1, skipped: 0, failures: ['a.test.ts: a relay ends: Error: too late'] },
    ]
    expect(sumCounts(all, true)).toMatchObject({ passed: 3, failed: 2, skipped: 0 })
    expect(sumCounts(all, false)).toEqual({
      passed: 3,
      failed: 1,
      skipped: 1,
      failures: ['a.test.ts: a relay ends: Error: too late'],
    })
  })
})
