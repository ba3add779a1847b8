import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { podmanOnceCommand } from '@edgeway/testbed'
import { REPOSITORY } from './steps.ts'

/** Debian's root file system with what the agent's image needs, so that the build asks no package archive. */
export const BASE_IMAGE = 'localhost/edgeway-base:bookworm'
const PACKAGES = ['nftables', 'iptables', 'ipset', 'conntrack', 'iproute2', 'ca-certificates']
const CACHE = join(REPOSITORY, '.cache/container')
const MAX_OUTPUT_BYTES = 64 * 2 ** 20

/**
 * Runs a command to its end.
 *
 * @returns what it wrote to its standard output
 * @throws {Error} with its words when it fails
 */
export async function run([file = '', ...args]: readonly string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(file, args, {
    cwd: REPOSITORY,
    maxBuffer: MAX_OUTPUT_BYTES,
  })
  return stdout
}

/** Makes the base image of the tests, without any registry; it stays for the next run. */
export async function ensureBaseImage(): Promise<void> {
  const isThere = await run(['podman', 'image', 'exists', BASE_IMAGE]).then(
    () => true,
    // That is how it says no.
    () => false,
  )
  if (isThere) return
  const archive = join(CACHE, 'base.tar')
  if (!existsSync(archive)) await makeArchive(archive)
  await run(['podman', 'import', '--quiet', archive, BASE_IMAGE])
}

async function makeArchive(archive: string): Promise<void> {
  await mkdir(CACHE, { recursive: true })
  // Renamed into place, so that the archive is never there half written.
  const unfinished = `${archive}.${process.pid}.tar`
  try {
    const include = `--include=${PACKAGES.join(',')}`
    await run(['mmdebstrap', '--variant=minbase', include, 'bookworm', unfinished])
    await rename(unfinished, archive)
  } finally {
    await rm(unfinished, { force: true })
  }
}

/**
 * Runs `true` in the base image, with nothing of the product.
 *
 * @returns why this machine can't run containers; `undefined` when it can
 */
export async function reasonAgainstContainers(): Promise<string | undefined> {
  try {
    await run([...podmanOnceCommand({ image: BASE_IMAGE, command: ['true'] })])
    return undefined
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}
