import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { REPOSITORY, runStep, SetupError, say } from './steps.mjs'

const STAMP = join(REPOSITORY, 'node_modules/.edgeway-setup')
const LOCK = join(REPOSITORY, '.cache/setup.lock')
const PATIENCE_MS = 1_000

/** Node 24 as its npm package brings it. */
export const NODE = join(REPOSITORY, `node_modules/node-linux-${process.arch}/bin/node`)

/** Brings Node 24, pnpm and all packages, unless exactly these are there already. */
export async function ensurePackages() {
  const wanted = fingerprint()
  if (isInstalled(wanted)) return
  await withLock(async () => {
    if (isInstalled(wanted)) return
    const { packageManager } = JSON.parse(readFileSync(join(REPOSITORY, 'package.json'), 'utf8'))
    // An install that is broken off leaves no stamp of the one before.
    rmSync(STAMP, { force: true })
    const install = ['npx', '--yes', packageManager, 'install', '--frozen-lockfile']
    await runStep('installing Node 24 and packages', install, { ...process.env, CI: 'true' })
    if (!existsSync(NODE)) throw new SetupError(`Node 24 for ${process.arch} did not arrive at ${NODE}`)
    // Renamed into place, so that a stamp is never there half written.
    writeFileSync(`${STAMP}.new`, wanted)
    renameSync(`${STAMP}.new`, STAMP)
  })
}

function isInstalled(wanted) {
  return existsSync(NODE) && existsSync(STAMP) && readFileSync(STAMP, 'utf8') === wanted
}

/** Of every file that decides what is installed. */
function fingerprint() {
  const folders = readdirSync(join(REPOSITORY, 'packages')).map((name) => `packages/${name}`)
  const files = ['.', 'e2e', 'demo', 'bench', ...folders].map((folder) => `${folder}/package.json`)
  const hash = createHash('sha256')
  for (const file of ['pnpm-lock.yaml', 'pnpm-workspace.yaml', ...files.sort()]) {
    const path = join(REPOSITORY, file)
    if (existsSync(path)) hash.update(`${file}\0`).update(readFileSync(path))
  }
  return hash.digest('hex')
}

/**
 * Two set-ups of one checkout never install at the same time. The lock is that of a child whose input is ours: it ends
 * with this process, however that ends.
 */
async function withLock(work) {
  mkdirSync(join(REPOSITORY, '.cache'), { recursive: true })
  const holder = spawn('flock', [LOCK, 'sh', '-c', 'echo held; exec cat >&2'], {
    stdio: ['pipe', 'pipe', 'ignore'],
  })
  const waiting = setTimeout(() => say('waiting for another set-up of this checkout'), PATIENCE_MS)
  await new Promise((resolve) => {
    holder.stdout.once('data', resolve)
    // Without flock(1), which Debian always has, there is no lock.
    holder.once('error', resolve)
    holder.once('exit', resolve)
  })
  clearTimeout(waiting)
  try {
    await work()
  } finally {
    holder.stdin.end()
  }
}
