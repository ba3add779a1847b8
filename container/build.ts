/** `npm run image -- [--base IMAGE] [PROGRAM...]`: builds the images of edge agent and tunnel server with buildah. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import manifest from '../package.json' with { type: 'json' }
import { layOutContext } from './build-context.ts'
import { REPOSITORY, runStep, StepError } from './steps.ts'

const PROGRAMS = ['edge-agent', 'tunnel-server'] as const
const CONTAINERFILE = join(REPOSITORY, 'container/Containerfile')
const USAGE = `usage: npm run image -- [--base IMAGE] [${PROGRAMS.join('] [')}]

  --base IMAGE   a root file system with glibc, Debian's or like it; that of the Containerfile unless given

Builds both unless told which. Images are called edgeway/<program>:${manifest.version}.
`

class UsageError extends Error {}

interface BuildArguments {
  readonly help: boolean
  /** `undefined`: as the Containerfile has it. */
  readonly base: string | undefined
  readonly programs: readonly string[]
}

/** @throws {UsageError} saying what is wrong with them */
function readArguments(): BuildArguments {
  const { help, base, programs } = parse()
  const unknown = programs.filter((name) => !PROGRAMS.some((program) => program === name))
  if (unknown.length > 0)
    throw new UsageError(`no program ${unknown.join(', ')}; there are ${PROGRAMS.join(', ')}`)
  return { help, base, programs: programs.length === 0 ? PROGRAMS : programs }
}

function parse(): BuildArguments {
  try {
    const { values, positionals } = parseArgs({
      args: process.argv.slice(2).filter((arg) => arg !== '--'),
      options: { base: { type: 'string' }, help: { type: 'boolean', short: 'h', default: false } },
      allowPositionals: true,
    })
    return { help: values.help, base: values.base, programs: positionals }
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error))
  }
}

/** @throws {StepError} when a step fails; no build context is left */
async function buildAll({ base, programs }: BuildArguments, stop: AbortSignal): Promise<void> {
  const context = await mkdtemp(join(tmpdir(), 'edgeway-image-'))
  try {
    for (const program of programs) {
      await layOutContext(program, join(context, program), stop)
      const tag = `edgeway/${program}:${manifest.version}`
      const from = base === undefined ? [] : ['--build-arg', `BASE=${base}`]
      // Isolated by chroot, it also builds inside a container.
      const build = ['buildah', 'bud', '--isolation=chroot', ...from, '--target', program, '--tag', tag]
      const options = { folder: context, stop }
      await runStep(`building ${tag}`, [...build, '--file', CONTAINERFILE, context], options)
    }
  } finally {
    // What was stopped may still be writing its last file.
    await rm(context, { recursive: true, force: true, maxRetries: 3 })
  }
}

const stopped = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => stopped.abort())
try {
  const args = readArguments()
  if (args.help) process.stdout.write(USAGE)
  else await buildAll(args, stopped.signal)
} catch (error) {
  if (!(error instanceof UsageError || error instanceof StepError)) throw error
  process.stderr.write(`image: ${error.message}\n${error instanceof UsageError ? `\n${USAGE}` : ''}`)
  process.exitCode = error instanceof UsageError ? 2 : 1
}
