/**
 * Runs the tests, one project after the other, and ends with the line `N passed, N failed`, also when it is stopped.
 *
 * Arguments are passed on to vitest as filters: `npm test -- relay` runs the files whose path contains "relay".
 */
import { spawn } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sweepOrphans } from '../packages/testbed/src/index.ts'
import { countTests, sumCounts, type TestCounts } from './test-counts.ts'

const PROJECTS = ['unit', 'netns', 'e2e']
const STOP_SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

const filters = process.argv.slice(2).filter((arg) => arg !== '--')
const folder = await mkdtemp(join(tmpdir(), 'edgeway-test-'))
const stop = new AbortController()
for (const signal of STOP_SIGNALS) process.on(signal, () => stop.abort())

async function runProject(project: string): Promise<TestCounts> {
  const reportFile = join(folder, `${project}.json`)
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${reportFile}`]
  // A filter may leave nothing of a project; without one, every project has tests.
  const filter = filters.length > 0 ? ['--passWithNoTests', ...filters] : []
  const child = spawn('vitest', ['run', '--project', project, ...reporters, ...filter], { stdio: 'inherit' })
  const pass = (): void => void child.kill('SIGTERM')
  stop.signal.addEventListener('abort', pass)
  const exitCode = await new Promise<number>((resolve) => {
    child.on('error', () => resolve(1))
    child.on('exit', (code) => resolve(code ?? 1))
  })
  stop.signal.removeEventListener('abort', pass)
  return countTests(await readFile(reportFile, 'utf8').catch(() => undefined), exitCode)
}

const all: TestCounts[] = []
for (const project of PROJECTS) if (!stop.signal.aborted) all.push(await runProject(project))
// Where the run was stopped, workers were killed and could not take their labs down.
sweepOrphans()
await rm(folder, { recursive: true })
const { passed, failed, skipped } = sumCounts(all, process.env['CI'] !== undefined)
const tail = skipped > 0 ? `, ${skipped} skipped` : ''
process.stdout.write(`\n${passed} passed, ${failed} failed${tail}\n`)
process.exitCode = failed > 0 || passed === 0 ? 1 : 0
