/** Builds the images, runs them in a lab, and ends with the line `N passed, N failed`, as `npm test` does. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { countTests } from './test-counts.ts'

const TOOLS = ['podman', 'buildah', 'runc', 'mmdebstrap']

const missing = TOOLS.filter((tool) => spawnSync('sh', ['-c', `command -v ${tool}`]).status !== 0)
if (missing.length > 0) {
  process.stdout.write(
    `container test not run: this machine has no ${missing.join(', ')}\n\n0 passed, 0 failed\n`,
  )
} else {
  const folder = mkdtempSync(join(tmpdir(), 'edgeway-test-'))
  const report = join(folder, 'container.json')
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`]
  const { status } = spawnSync('vitest', ['run', '--project', 'container', ...reporters], {
    stdio: 'inherit',
  })
  const { passed, failed, skipped } = countTests(readReport(report), status ?? 1)
  rmSync(folder, { recursive: true })
  // A part that could not begin skips its tests.
  process.stdout.write(`\n${passed} passed, ${failed + skipped} failed\n`)
  process.exitCode = failed + skipped > 0 ? 1 : 0
}

function readReport(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    // The run ended before it wrote one, which counts as a failure.
    return undefined
  }
}
