/** How the tests of one run ended. */
export interface TestCounts {
  readonly passed: number
  readonly failed: number
  readonly skipped: number
  /** A line for each failed test: its file, its name and why. */
  readonly failures: readonly string[]
}

/** Of tests that were to run and did not. */
export const NOT_RUN: TestCounts = {
  passed: 0,
  failed: 1,
  skipped: 0,
  failures: ['the tests did not run to their end'],
}

/** The parts of vitest's JSON report that count. */
interface Report {
  readonly numPassedTests: number
  readonly numFailedTests: number
  readonly numPendingTests: number
  readonly testResults: readonly FileReport[]
}

interface FileReport {
  readonly name: string
  readonly status: string
  readonly message: string
  readonly assertionResults: readonly {
    readonly status: string
    readonly fullName: string
    readonly failureMessages: readonly string[] | null
  }[]
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
    failures: parsed.testResults.flatMap(failuresOf),
  }
}

function failuresOf({ name, status, message, assertionResults }: FileReport): string[] {
  if (status === 'failed' && assertionResults.length === 0) return [`${name}: ${firstLine(message)}`]
  return assertionResults
    .filter((test) => test.status === 'failed')
    .map(({ fullName, failureMessages }) => `${name}: ${fullName}: ${firstLine(failureMessages?.[0])}`)
}

function firstLine(message = 'no reason was given'): string {
  return message.split('\n', 1)[0] ?? message
}

/** @param inCi - there every test can run: one that was skipped is one that nobody saw pass */
export function sumCounts(all: readonly TestCounts[], inCi: boolean): TestCounts {
  const sum = (key: 'passed' | 'failed' | 'skipped'): number =>
    all.reduce((before, counts) => before + counts[key], 0)
  const [passed, failed, skipped] = [sum('passed'), sum('failed'), sum('skipped')]
  const failures = all.flatMap((counts) => counts.failures)
  return inCi
    ? { passed, failed: failed + skipped, skipped: 0, failures }
    : { passed, failed, skipped, failures }
}

function parseReport(text: string): Report | undefined {
  try {
    return JSON.parse(text) as Report
  } catch {
    // Cut off with the run that wrote it.
    return undefined
  }
}
