/** The gate: every step runs, those that fail show their output. `--no-tests`: for who runs the unit tests anyway. */
import { spawn } from 'node:child_process'

const CODE = ['packages', 'e2e', 'demo', 'bench', 'container', 'scripts']

const UNIT_TESTS = { name: 'unit tests', command: ['vitest', 'run', '--project', 'unit'] }

const STEPS = [
  { name: 'format and lint', command: ['biome', 'ci', '--colors=off', '--error-on-warnings'] },
  { name: 'types', command: ['tsc', '--noEmit'] },
  { name: 'promises, switches and mocks', command: ['oxlint', '--type-aware', '--deny-warnings', ...CODE] },
  { name: 'boundaries', command: ['depcruise', '--config', '.dependency-cruiser.mjs', ...CODE] },
  { name: 'dead code', command: ['knip', '--treat-config-hints-as-errors'] },
  ...(process.argv.includes('--no-tests') ? [] : [UNIT_TESTS]),
]

const stop = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => stop.abort())

/** The whole output comes at the end, and only of what failed; a step that was stopped has ended, too. */
function run([file = '', ...args]: readonly string[]): Promise<{
  readonly ok: boolean
  readonly output: string
}> {
  const child = spawn(file, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  const pass = (): void => void child.kill('SIGTERM')
  stop.signal.addEventListener('abort', pass)
  let output = ''
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text
    })
  return new Promise((resolve) => {
    child.on('error', ({ message }) => resolve({ ok: false, output: message }))
    child.on('close', (code) => {
      stop.signal.removeEventListener('abort', pass)
      resolve({ ok: code === 0, output })
    })
  })
}

let passed = 0
for (const { name, command } of STEPS) {
  if (stop.signal.aborted) break
  const started = performance.now()
  const { ok, output } = await run(command)
  const seconds = ((performance.now() - started) / 1_000).toFixed(1)
  process.stdout.write(`${ok ? '✓' : '✗'} ${name} (${seconds} s)\n`)
  if (ok) passed += 1
  else process.stdout.write(`${output}\n`)
}
process.exitCode = passed === STEPS.length ? 0 : 1
