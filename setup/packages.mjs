import { createHash } from 'node:crypto'
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { REPOSITORY, runStep, SetupError } from './steps.mjs'

const STAMP = join(REPOSITORY, 'node_modules/.edgeway-setup')
const LOCK = join(REPOSITORY, '.cache/setup.lock')
const LOCK_POLL_MS = 200

/** Node 24 as its npm package brings it. */
export const NODE = join(REPOSITORY, `node_modules/node-linux-${process.arch}/bin/node`)

/** Brings Node 24, pnpm and all packages, unless exactly these are there already. */
export async function ensurePackages() {
  const wanted = fingerprint()
  if (isInstalled(wanted)) return
  await withLock(async () => {
    if (isInstalled(wanted)) return
    const { packageManager } = JSON.parse(readFileSync(join(REPOSITORY, 'package.json'), 'utf8'))
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
  const files = ['.', 'e2e', 'demo', ...folders].map((folder) => `${folder}/package.json`)
  const hash = createHash('sha256')
  for (const file of ['pnpm-lock.yaml', 'pnpm-workspace.yaml', ...files.sort()]) {
    const path = join(REPOSITORY, file)
    if (existsSync(path)) hash.update(`${file}\0`).update(readFileSync(path))
  }
  return hash.digest('hex')
}

/** Two set-ups of one checkout never install at the same time. */
async function withLock(work) {
  mkdirSync(join(REPOSITORY, '.cache'), { recursive: true })
  while (!takeLock()) await delay(LOCK_POLL_MS)
  try {
    await work()
  } finally {
    rmSync(LOCK, { recursive: true, force: true })
  }
}

function takeLock() {
  try {
    mkdirSync(LOCK)
    writeFileSync(join(LOCK, 'pid'), String(process.pid))
    return true
  } catch {
    if (isStale()) rmSync(LOCK, { recursive: true, force: true })
    return false
  }
}

/** True when whoever holds the lock is gone. */
function isStale() {
  try {
    const pid = Number(readFileSync(join(LOCK, 'pid'), 'utf8'))
    return pid > 0 && !existsSync(`/proc/${pid}`)
  } catch {
    // The holder is just writing it, or has just let go; a lock without a holder's number is stale after a while.
    return existsSync(LOCK) && Date.now() - statSync(LOCK).mtimeMs > 5_000
  }
}
