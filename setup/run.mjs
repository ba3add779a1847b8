// Brings what a root script needs, then runs it on Node 24. Plain JavaScript for the machine's own Node (20 or newer);
// no dependencies, since there may be none yet. Scripts of package.json `exec` it: signals that npm gets would otherwise
// end its shell and nothing else.
import { spawn } from 'node:child_process'
import { delimiter, join } from 'node:path'
import { endOf, StoppedError } from './child.mjs'
import { debianKubectl } from './debian-kubectl.mjs'
import { checkKernel } from './kernel.mjs'
import { withLock } from './lock.mjs'
import { NODE, packages } from './packages.mjs'
import { REPOSITORY, SetupError, searchPath } from './steps.mjs'
import { checkPlatform, checkRoot, systemTools } from './system.mjs'
import { BENCH_TOOLS, CONTAINER_TOOLS, TOOLS } from './tools.mjs'

const labTools = systemTools(TOOLS)
const benchTools = systemTools(BENCH_TOOLS)
const containerTools = systemTools(CONTAINER_TOOLS)

/** Root scripts: what runs, whether it makes labs, and what it needs besides Node 24. */
const SCRIPTS = {
  'api-double': { main: 'packages/testbed/src/api-double/main.ts', lab: false, needs: [] },
  bench: { main: 'bench/main.ts', lab: true, needs: [labTools, benchTools] },
  check: { main: 'scripts/check.ts', lab: false, needs: [] },
  demo: { main: 'demo/main.ts', lab: true, needs: [labTools] },
  image: { main: 'container/build.ts', lab: false, needs: [containerTools] },
  lab: { main: 'scripts/lab.ts', lab: true, needs: [labTools] },
  'metaserver-double': { main: 'packages/testbed/src/metaserver-double/main.ts', lab: false, needs: [] },
  test: { main: 'scripts/test.ts', lab: true, needs: [labTools, debianKubectl] },
  'test:container': { main: 'scripts/test-container.ts', lab: true, needs: [labTools, containerTools] },
}

async function main() {
  const [name, ...args] = process.argv.slice(2)
  const script = Object.hasOwn(SCRIPTS, name ?? '') ? SCRIPTS[name] : undefined
  if (script === undefined)
    throw new SetupError(`no script ${name ?? 'named'}; there are ${Object.keys(SCRIPTS).join(', ')}`)
  checkPlatform()
  if (script.lab) checkRoot()
  await bringAll([packages, ...script.needs])
  if (script.lab) checkKernel()
  return run([join(REPOSITORY, script.main), ...args])
}

async function bringAll(needs) {
  if (needs.every((need) => need.isThere())) return
  await withLock(async (lock) => {
    // Another set-up may have brought it in the meantime.
    for (const need of needs) if (!need.isThere()) await need.bring(lock)
  })
}

/** Runs a program on Node 24 to its end; its exit code is ours. */
async function run(command) {
  const path = [join(REPOSITORY, 'node_modules/.bin'), ...searchPath()].join(delimiter)
  const start = () =>
    spawn(NODE, command, { cwd: REPOSITORY, stdio: 'inherit', env: { ...process.env, PATH: path } })
  const { code } = await endOf(start).catch(({ message }) => {
    throw new SetupError(`Node 24, built for glibc, can't run here: ${message}`)
  })
  return code
}

/** Refused system calls say which one on which file: read-only, full, owned by somebody else. */
function isForPeople(error) {
  return error instanceof SetupError || error instanceof StoppedError || error.syscall !== undefined
}

try {
  process.exitCode = await main()
} catch (error) {
  if (!isForPeople(error)) throw error
  process.stderr.write(`setup: ${error.message}\n`)
  process.exitCode = error.exitCode ?? 1
}
