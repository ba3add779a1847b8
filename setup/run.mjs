// Brings what a root script needs, then runs it on Node 24. Plain JavaScript for the machine's own Node (20 or newer);
// no dependencies, since there may be none yet.
import { spawn } from 'node:child_process'
import { constants } from 'node:os'
import { delimiter, join } from 'node:path'
import { ensureDebianKubectl } from './debian-kubectl.mjs'
import { ensurePackages, NODE } from './packages.mjs'
import { REPOSITORY, SetupError } from './steps.mjs'
import { checkPlatform, ensureLabCanRun, ensureTools, searchPath } from './system.mjs'
import { BENCH_TOOLS, CONTAINER_TOOLS } from './tools.mjs'

/** Root scripts: what runs, and what it needs besides Node 24: root, system tools and network namespaces (`lab`), … */
const SCRIPTS = {
  'api-double': { main: 'packages/testbed/src/api-double/main.ts', needs: [] },
  bench: { main: 'bench/main.ts', needs: ['lab', 'bench'] },
  check: { main: 'scripts/check.ts', needs: [] },
  demo: { main: 'demo/main.ts', needs: ['lab'] },
  image: { main: 'container/build.ts', needs: ['container'] },
  lab: { main: 'scripts/lab.ts', needs: ['lab'] },
  test: { main: 'scripts/test.ts', needs: ['lab', 'debian-kubectl'] },
  'test:container': { main: 'scripts/test-container.ts', needs: ['lab', 'container'] },
}

const NEEDS = {
  bench: () => ensureTools(BENCH_TOOLS),
  container: () => ensureTools(CONTAINER_TOOLS),
  'debian-kubectl': ensureDebianKubectl,
  lab: ensureLabCanRun,
}

async function main() {
  const [name, ...args] = process.argv.slice(2)
  const script = Object.hasOwn(SCRIPTS, name ?? '') ? SCRIPTS[name] : undefined
  if (script === undefined)
    throw new SetupError(`no script ${name}; there are ${Object.keys(SCRIPTS).join(', ')}`)
  checkPlatform()
  await ensurePackages()
  for (const need of script.needs) await NEEDS[need]()
  return run([join(REPOSITORY, script.main), ...args])
}

/** Runs a program on Node 24 to its end, passing signals on; its exit code is ours. */
function run(command) {
  const path = [join(REPOSITORY, 'node_modules/.bin'), ...searchPath()].join(delimiter)
  const child = spawn(NODE, command, {
    cwd: REPOSITORY,
    stdio: 'inherit',
    env: { ...process.env, PATH: path },
  })
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal))
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('exit', (code, signal) => resolve(signal === null ? code : 128 + constants.signals[signal]))
  })
}

try {
  process.exitCode = await main()
} catch (error) {
  if (!(error instanceof SetupError)) throw error
  process.stderr.write(`setup: ${error.message}\n`)
  process.exitCode = 1
}
