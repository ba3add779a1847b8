/**
 * `npm run image -- [--base IMAGE] [PROGRAM...]`: builds the images of edge agent and tunnel server with buildah.
 *
 * Packages keep the layout of the workspace: Node runs TypeScript as it is, but not inside node_modules.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { cp, mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { parseArgs } from 'node:util'
import manifest from '../package.json' with { type: 'json' }

const REPOSITORY = join(import.meta.dirname, '..')
const PROGRAMS = ['edge-agent', 'tunnel-server'] as const
/** Of the workspace; packages are chosen by pnpm from what a program depends on. */
const ROOT_FILES = ['package.json', 'pnpm-lock.yaml', 'pnpm-workspace.yaml', 'LICENSE']
/** What no program needs: its own and others' tests, and packages that are for development only. */
const DEVELOPMENT = /(\.test\.ts|\/test|\/node_modules|\/packages\/testbed)$/
const USAGE = `usage: npm run image -- [--base IMAGE] [${PROGRAMS.join('] [')}]

  --base IMAGE   a root file system with glibc, Debian's or like it; that of the Containerfile unless given

Images are called edgeway/<program>:${manifest.version}.
`

class UsageError extends Error {}

interface BuildArguments {
  readonly help: boolean
  readonly base: string | undefined
  readonly programs: readonly string[]
}

function readArguments(): BuildArguments {
  try {
    const { values, positionals } = parseArgs({
      args: process.argv.slice(2).filter((arg) => arg !== '--'),
      options: { base: { type: 'string' }, help: { type: 'boolean', short: 'h', default: false } },
      allowPositionals: true,
    })
    const unknown = positionals.filter((name) => !PROGRAMS.some((program) => program === name))
    if (unknown.length > 0)
      throw new UsageError(`no program ${unknown.join(', ')}; there are ${PROGRAMS.join(', ')}`)
    return {
      help: values.help,
      base: values.base,
      programs: positionals.length === 0 ? PROGRAMS : positionals,
    }
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error))
  }
}

async function run(what: string, [file = '', ...args]: readonly string[], cwd: string): Promise<void> {
  process.stderr.write(`image: ${what} …\n`)
  const child = spawn(file, args, {
    cwd,
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...process.env, CI: 'true' },
  })
  const [code] = await once(child, 'close')
  if (code !== 0) throw new UsageError(`${what} failed (${String(code)})`)
}

/** Copies the workspace without what is for development only, and installs what the program needs. */
async function layOut(program: string, folder: string): Promise<void> {
  await mkdir(folder, { recursive: true })
  for (const file of ROOT_FILES) await cp(join(REPOSITORY, file), join(folder, file))
  await cp(join(REPOSITORY, 'packages'), join(folder, 'packages'), {
    recursive: true,
    filter: (source) => !DEVELOPMENT.test(source),
  })
  const install = ['npx', '--yes', manifest.packageManager, 'install', '--prod', '--frozen-lockfile']
  const filters = ['--filter', manifest.name, '--filter', `@edgeway/${program}...`]
  await run(`installing what ${program} needs`, [...install, ...filters], folder)
  await removeOthers(program, folder)
}

/** Leaves the packages that the program depends on, itself included. */
async function removeOthers(program: string, folder: string): Promise<void> {
  const dependencies = await dependenciesOf(program)
  for (const name of await readdir(join(folder, 'packages')))
    if (!dependencies.has(name)) await rm(join(folder, 'packages', name), { recursive: true })
}

async function dependenciesOf(program: string, found = new Set<string>()): Promise<ReadonlySet<string>> {
  found.add(program)
  const path = join(REPOSITORY, 'packages', program, 'package.json')
  const { dependencies = {} } = JSON.parse(await readFile(path, 'utf8')) as {
    readonly dependencies?: Readonly<Record<string, string>>
  }
  const names = Object.keys(dependencies).filter((name) => name.startsWith('@edgeway/'))
  for (const name of names) if (!found.has(basename(name))) await dependenciesOf(basename(name), found)
  return found
}

async function main(): Promise<void> {
  const { help, base, programs } = readArguments()
  if (help) {
    process.stdout.write(USAGE)
    return
  }
  const context = await mkdtemp(join(tmpdir(), 'edgeway-image-'))
  try {
    for (const program of programs) {
      await layOut(program, join(context, program))
      const tag = `edgeway/${program}:${manifest.version}`
      const from = base === undefined ? [] : ['--build-arg', `BASE=${base}`]
      const containerfile = join(REPOSITORY, 'container/Containerfile')
      const build = ['buildah', 'bud', '--isolation=chroot', ...from, '--target', program, '--tag', tag]
      await run(`building ${tag}`, [...build, '--file', containerfile, context], context)
    }
  } finally {
    await rm(context, { recursive: true })
  }
}

try {
  await main()
} catch (error) {
  if (!(error instanceof UsageError)) throw error
  process.stderr.write(`image: ${error.message}\n\n${USAGE}`)
  process.exitCode = 1
}
