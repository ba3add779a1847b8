import { execFile } from 'node:child_process'
import { chmod, glob, mkdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { REPOSITORY } from '../mesh/repository.ts'
import { type ImageConfig, readImageConfig } from './image-config.ts'

const SOURCES = ['pnpm-lock.yaml', 'packages/*/src/**/*.ts']
/** Names of entries; those that are being written have longer ones. */
const ENTRIES = '*/????????'
const READABLE_BY_ALL = 0o644

/**
 * Fills Node's compile cache of a program in this repository as the build of its image does, so that a program starts
 * in the lab as it does in its image: without TypeScript's compiler in memory. Does nothing while no source has changed.
 *
 * @param stage - of the Containerfile
 */
export async function fillCompileCache(stage: string): Promise<void> {
  const containerfile = join(REPOSITORY, 'container/Containerfile')
  const image = readImageConfig(await readFile(containerfile, 'utf8'), stage)
  const cache = (image.env['NODE_COMPILE_CACHE'] ?? '').replace(image.workingDir, REPOSITORY)
  const stamp = join(cache, `${stage}.stamp`)
  const newest = await newestSource(containerfile)
  if ((await modifiedAt(stamp)) > newest) return
  await mkdir(cache, { recursive: true })
  await runOnce(image, cache)
  for await (const file of glob(ENTRIES, { cwd: cache })) await chmod(join(cache, file), READABLE_BY_ALL)
  await writeFile(stamp, '')
}

async function runOnce({ entrypoint: [, ...args], env }: ImageConfig, cache: string): Promise<void> {
  await promisify(execFile)(process.execPath, [...args, '--version'], {
    cwd: REPOSITORY,
    env: { ...env, NODE_COMPILE_CACHE: cache },
  })
}

async function newestSource(containerfile: string): Promise<number> {
  let newest = await modifiedAt(containerfile)
  for await (const file of glob(SOURCES, { cwd: REPOSITORY }))
    newest = Math.max(newest, await modifiedAt(join(REPOSITORY, file)))
  return newest
}

/** Milliseconds since 1970; 0 for what is not there. */
async function modifiedAt(file: string): Promise<number> {
  try {
    return (await stat(file)).mtimeMs
  } catch {
    // Not there, or gone meanwhile: then nothing is newer than it.
    return 0
  }
}
