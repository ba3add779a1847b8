import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { REPOSITORY, runStep, SetupError } from './steps.mjs'

const STAMP = join(REPOSITORY, 'node_modules/.edgeway-setup')

/** Node 24 as its npm package brings it. */
export const NODE = join(REPOSITORY, `node_modules/node-linux-${process.arch}/bin/node`)

/** Node 24, pnpm and all packages, exactly those that the checkout names. */
export const packages = {
  isThere: () => isInstalled(fingerprint()),

  async bring(lock) {
    const wanted = fingerprint()
    const { packageManager } = JSON.parse(readFileSync(join(REPOSITORY, 'package.json'), 'utf8'))
    // An install that is broken off leaves no stamp of the one before.
    rmSync(STAMP, { force: true })
    await runStep(
      'installing Node 24 and packages',
      ['npx', '--yes', packageManager, 'install', '--frozen-lockfile'],
      // A silent `npm run` would silence the log, too.
      { environment: { CI: 'true', npm_config_loglevel: 'notice' }, lock },
    )
    if (!existsSync(NODE)) throw new SetupError(`Node 24 for ${process.arch} did not arrive at ${NODE}`)
    // Renamed into place, so that a stamp is never there half written.
    writeFileSync(`${STAMP}.new`, wanted)
    renameSync(`${STAMP}.new`, STAMP)
  },
}

function isInstalled(wanted) {
  return existsSync(NODE) && existsSync(STAMP) && readFileSync(STAMP, 'utf8') === wanted
}

/** Of every file that decides what is installed. */
function fingerprint() {
  const members = ['', 'packages'].flatMap((folder) =>
    readdirSync(join(REPOSITORY, folder)).map((name) => join(folder, name, 'package.json')),
  )
  const hash = createHash('sha256')
  for (const file of ['pnpm-lock.yaml', 'pnpm-workspace.yaml', 'package.json', ...members.sort()]) {
    const path = join(REPOSITORY, file)
    if (existsSync(path)) hash.update(`${file}\0`).update(readFileSync(path))
  }
  return hash.digest('hex')
}
