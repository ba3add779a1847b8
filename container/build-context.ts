import { cp, mkdir, readdir, readFile, rm } from 'node:fs/promises'
import { basename, join } from 'node:path'
import manifest from '../package.json' with { type: 'json' }
import { REPOSITORY, runStep } from './steps.ts'

/** Of the workspace; packages are chosen by what a program depends on. */
const ROOT_FILES = ['package.json', 'pnpm-lock.yaml', 'pnpm-workspace.yaml', 'LICENSE']
/** Tests, and what is installed here. */
const DEVELOPMENT = /(\.test\.ts|\/test|\/node_modules)$/
/** Node refuses to run TypeScript inside node_modules, and nobody asks for the maps. */
const USELESS_FILE = /\.([cm]?ts|map)$/
/** Of Node's own package: headers for addons, manual pages, history. */
const USELESS_OF_NODE = ['include', 'share', 'CHANGELOG.md', 'README.md']

/**
 * Lays out what an image has of a program: the packages it depends on, installed for production. They keep the layout of
 * the workspace, since Node runs TypeScript as it is, but not inside node_modules.
 *
 * @param folder - is made
 * @throws {StepError} when the packages can't be installed
 */
export async function layOutContext(program: string, folder: string, stop: AbortSignal): Promise<void> {
  await mkdir(folder)
  for (const file of ROOT_FILES) await cp(join(REPOSITORY, file), join(folder, file))
  for (const name of await dependenciesOf(program)) await copyPackage(name, folder)
  const install = ['npx', '--yes', manifest.packageManager, 'install', '--prod', '--frozen-lockfile']
  // The root package brings Node 24 of this machine's architecture.
  const filters = ['--filter', manifest.name, '--filter', `@edgeway/${program}...`]
  await runStep(`installing what ${program} needs`, [...install, ...filters], { folder, stop })
  await prune(join(folder, 'node_modules/.pnpm'))
}

async function copyPackage(name: string, folder: string): Promise<void> {
  await cp(join(REPOSITORY, 'packages', name), join(folder, 'packages', name), {
    recursive: true,
    filter: (source) => !DEVELOPMENT.test(source),
  })
}

/** Folders of the packages that the program depends on, itself included. */
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

/** Removes from installed packages what no program can use: about a quarter of their size. */
async function prune(store: string): Promise<void> {
  const [node] = (await readdir(store)).filter((name) => name.startsWith('node-linux-'))
  if (node !== undefined) {
    const home = join(store, node, 'node_modules', `node-linux-${process.arch}`)
    for (const name of USELESS_OF_NODE) await rm(join(home, name), { recursive: true, force: true })
  }
  const entries = await readdir(store, { recursive: true, withFileTypes: true })
  for (const entry of entries)
    if (entry.isFile() && USELESS_FILE.test(entry.name)) await rm(join(entry.parentPath, entry.name))
}
