/**
 * Runs the tests, one project after the other, and ends with the line `N passed, N failed`.
 *
 * Arguments are passed on to vitest as filters: `npm test -- relay` runs the files whose path contains "relay".
 */
import { spawn } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** The parts of vitest's JSON report that count. */
interface Report {
  readonly numPassedTests: number
  readonly numFailedTests: number
  readonly numPendingTests: number
  readonly testResults: readonly { readonly status: string; readonly assertionResults: readonly unknown[] }[]
}

interface Counts {
  readonly passed: number
  readonly failed: number
  readonly skipped: number
}

const PROJECTS = ['unit', 'netns', 'e2e']

async function runProject(project: string, reportFile: string, filters: readonly string[]): Promise<Counts> {
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${reportFile}`]
  const command = ['run', '--project', project, '--passWithNoTests', ...reporters, ...filters]
  const child = spawn('vitest', command, { stdio: 'inherit' })
  const exitCode = await new Promise<number>((resolve) => {
    child.on('error', () => resolve(1))
    child.on('exit', (code) => resolve(code ?? 1))
  })
  const counts = await readCounts(reportFile)
  // A run that broke without a failed test (a crash, an error between tests) has failed all the same.
  return exitCode !== 0 && counts.failed === 0 ? { ...counts, failed: 1 } : counts
}

async function readCounts(file: string): Promise<Counts> {
  const text = await readFile(file, 'utf8').catch(() => undefined)
  if (text === undefined) return { passed: 0, failed: 0, skipped: 0 }
  const report = JSON.parse(text) as Report
  const unloadable = report.testResults.filter(
    ({ status, assertionResults }) => status === 'failed' && assertionResults.length === 0,
  )
  return {
    passed: report.numPassedTests,
    failed: report.numFailedTests + unloadable.length,
    skipped: report.numPendingTests,
  }
}

function total(all: readonly Counts[], inCi: boolean): Counts {
  const sum = (key: keyof Counts): number => all.reduce((before, counts) => before + counts[key], 0)
  // In CI every test can run: one that was skipped is one that nobody saw pass.
  return inCi
    ? { passed: sum('passed'), failed: sum('failed') + sum('skipped'), skipped: 0 }
    : { passed: sum('passed'), failed: sum('failed'), skipped: sum('skipped') }
}

const filters = process.argv.slice(2).filter((arg) => arg !== '--')
const folder = await mkdtemp(join(tmpdir(), 'edgeway-test-'))
const all: Counts[] = []
for (const project of PROJECTS) all.push(await runProject(project, join(folder, `${project}.json`), filters))
await rm(folder, { recursive: true })
const { passed, failed, skipped } = total(all, process.env['CI'] !== undefined)
const tail = skipped > 0 ? `, ${skipped} skipped` : ''
process.stdout.write(`\n${passed} passed, ${failed} failed${tail}\n`)
process.exitCode = failed > 0 || passed === 0 ? 1 : 0
