import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { REPOSITORY, runStep } from './steps.mjs'

const FOLDER = join(REPOSITORY, '.cache/debian-kubectl')

/**
 * Unpacks Debian's kubectl beside whatever kubectl the machine has: it is years older than the current one, and still
 * what many people use. Its package can't be installed, as it conflicts with other ones on /usr/bin/kubectl.
 */
export async function ensureDebianKubectl() {
  if (existsSync(join(FOLDER, 'usr/bin/kubectl'))) return
  const unfinished = `${FOLDER}.new`
  rmSync(unfinished, { recursive: true, force: true })
  mkdirSync(unfinished, { recursive: true })
  await runStep("fetching Debian's kubectl", [
    'sh',
    '-c',
    `cd '${unfinished}' && apt-get download kubernetes-client`,
  ])
  const [archive] = readdirSync(unfinished)
  await runStep("unpacking Debian's kubectl", ['dpkg', '-x', join(unfinished, archive), unfinished])
  rmSync(FOLDER, { recursive: true, force: true })
  renameSync(unfinished, FOLDER)
}
