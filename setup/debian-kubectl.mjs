import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { aptGet } from './apt.mjs'
import { REPOSITORY, runStep } from './steps.mjs'

const FOLDER = join(REPOSITORY, '.cache/debian-kubectl')
const UNFINISHED = `${FOLDER}.new`

/**
 * Debian's kubectl, unpacked beside whatever kubectl the machine has: it is years older than the current one, and still
 * what many people use. Its package can't be installed, as it conflicts with other ones on /usr/bin/kubectl.
 */
export const debianKubectl = {
  isThere: () => existsSync(join(FOLDER, 'usr/bin/kubectl')),

  async bring() {
    rmSync(UNFINISHED, { recursive: true, force: true })
    mkdirSync(UNFINISHED, { recursive: true })
    // apt-get downloads into the folder where it runs.
    await aptGet("fetching Debian's kubectl", ['download', 'kubernetes-client'], UNFINISHED)
    const archives = readdirSync(UNFINISHED).map((name) => join(UNFINISHED, name))
    await runStep("unpacking Debian's kubectl", ['dpkg', '-x', ...archives, UNFINISHED])
    rmSync(FOLDER, { recursive: true, force: true })
    renameSync(UNFINISHED, FOLDER)
  },
}
