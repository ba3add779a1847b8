/** How the tests of one run ended. */
export interface TestCounts {
  readonly passed: number
  readonly failed: number
  readonly skipped: number
}

/** Of tests that were to run and did not. */
export const NOT_RUN: TestCounts = { passed: 0, failed: 1, skipped: 0 }

/** The parts of vitest's JSON report that count. */
interface Report {
  readonly numPassedTests: number
  readonly numFailedTests: number
  readonly numPendingTests: number
  readonly testResults: readonly { readonly status: string; readonly assertionResults: readonly unknown[] }[]
}

/**
 * @param report - vitest's JSON report; `undefined` when it wrote none
 * @param exitCode - vitest's
 * @returns at least one failure when the run broke without a failed test: a crash, an error between tests, a report cut off
 */
export function countTests(report: string | undefined, exitCode: number): TestCounts {
  const parsed = report === undefined ? undefined : parseReport(report)
  if (parsed === undefined) return NOT_RUN
  const unloadable = parsed.testResults.filter(
    ({ status, assertionResults }) => status === 'failed' && assertionResults.length === 0,
  )
  const failed = parsed.numFailedTests + unloadable.length
  return {
    passed: parsed.numPassedTests,
    failed: exitCode !== 0 ? Math.max(failed, 1) : failed,
    skipped: parsed.numPendingTests,
  }
}

/** @param inCi - there every test can run: one that was skipped is one that nobody saw pass */
export function sumCounts(all: readonly TestCounts[], inCi: boolean): TestCounts {
  const sum = (key: keyof TestCounts): number => all.reduce((before, counts) => before + counts[key], 0)
  return inCi
    ? { passed: sum('passed'), failed: sum('failed') + sum('skipped'), skipped: 0 }
    : { passed: sum('passed'), failed: sum('failed'), skipped: sum('skipped') }
}

function parseReport(text: string): Report | undefined {
  try {
    return JSON.parse(text) as Report
  } catch {
    // Cut off with the run that wrote it.
    return undefined
  }
}
