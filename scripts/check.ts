/** The gate: every step runs, those that fail show their output. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'

const STEPS = [
  { name: 'format and lint', command: ['biome', 'ci', '--error-on-warnings'] },
  { name: 'types', command: ['tsc', '--noEmit'] },
  {
    name: 'promises and switches',
    command: [
      'oxlint',
      '--type-aware',
      '--deny-warnings',
      'packages',
      'e2e',
      'demo',
      'bench',
      'container',
      'scripts',
    ],
  },
  {
    name: 'boundaries',
    command: [
      'depcruise',
      '--config',
      '.dependency-cruiser.mjs',
      'packages',
      'e2e',
      'demo',
      'bench',
      'scripts',
    ],
  },
  { name: 'dead code', command: ['knip', '--treat-config-hints-as-errors'] },
  { name: 'unit tests', command: ['vitest', 'run', '--project', 'unit'] },
] as const

async function run([file, ...args]: readonly [string, ...string[]]): Promise<{
  code: unknown
  output: string
}> {
  const child = spawn(file, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString()
  })
  child.stderr.on('data', (chunk: Buffer) => {
    output += chunk.toString()
  })
  const [code] = await once(child, 'close')
  return { code, output }
}

let failures = 0
for (const { name, command } of STEPS) {
  const started = performance.now()
  const { code, output } = await run(command)
  const seconds = ((performance.now() - started) / 1_000).toFixed(1)
  process.stdout.write(`${code === 0 ? '✓' : '✗'} ${name} (${seconds} s)\n`)
  if (code === 0) continue
  failures += 1
  process.stdout.write(`${output}\n`)
}
process.exitCode = failures > 0 ? 1 : 0
