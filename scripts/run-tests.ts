import { spawn } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sweepOrphans } from '../packages/testbed/src/index.ts'
import { descendantsOf, endAll } from './descendants.ts'
import { countTests, NOT_RUN, sumCounts, type TestCounts } from './test-counts.ts'

const STOP_SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/**
 * Runs projects of vitest, one after the other, and ends with what failed and the line `N passed, N failed`, also when
 * it is stopped.
 * Sets the exit code of this process, whose arguments are filters: only files whose path contains one of them are run.
 */
export async function runTests(projects: readonly string[]): Promise<void> {
  const stop = new AbortController()
  for (const signal of STOP_SIGNALS) process.on(signal, () => stop.abort())
  const folder = await mkdtemp(join(tmpdir(), 'edgeway-test-'))
  const all: TestCounts[] = []
  for (const project of projects)
    all.push(stop.signal.aborted ? NOT_RUN : await runProject(project, folder, stop.signal))
  // Where the run was stopped, workers were killed and could not take their labs down.
  sweepOrphans()
  await rm(folder, { recursive: true, force: true })
  // As other programs have it, an empty variable is none.
  const { passed, failed, skipped, failures } = sumCounts(all, Boolean(process.env['CI']))
  const tail = skipped > 0 ? `, ${skipped} skipped` : ''
  process.stdout.write(failures.map((failure) => `\nfailed: ${failure}`).join(''))
  process.stdout.write(`\n${passed} passed, ${failed} failed${tail}\n`)
  process.exitCode = failed > 0 || passed === 0 ? 1 : 0
}

async function runProject(project: string, folder: string, stop: AbortSignal): Promise<TestCounts> {
  const reportFile = join(folder, `${project}.json`)
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${reportFile}`]
  const filters = process.argv.slice(2).filter((arg) => arg !== '--')
  // A filter may leave nothing of a project; without one, every project has tests.
  const filter = filters.length > 0 ? ['--passWithNoTests', ...filters] : []
  const child = spawn('vitest', ['run', '--project', project, ...reporters, ...filter], { stdio: 'inherit' })
  let started: readonly number[] = []
  const pass = (): void => {
    if (child.pid !== undefined) started = descendantsOf(child.pid)
    child.kill('SIGTERM')
  }
  stop.addEventListener('abort', pass)
  const exitCode = await new Promise<number>((resolve) => {
    child.on('error', ({ message }) => {
      process.stderr.write(`vitest can't be run: ${message}\n`)
      resolve(1)
    })
    child.on('exit', (code) => resolve(code ?? 1))
  })
  stop.removeEventListener('abort', pass)
  // vitest does not wait for the end of its workers; labs whose owners still live would not be removed.
  await endAll(started)
  return countTests(await readFile(reportFile, 'utf8').catch(() => undefined), exitCode)
}
