import { accessSync, constants, statSync } from 'node:fs'
import { join } from 'node:path'
import { aptGet } from './apt.mjs'
import { SetupError, StepError, searchPath } from './steps.mjs'

const OLDEST_NODE = 20

/** @throws {SetupError} when nothing of the project can run on this machine */
export function checkPlatform() {
  if (process.platform !== 'linux')
    throw new SetupError(`edgeway runs on Linux only; this is ${process.platform}`)
  if (!['x64', 'arm64'].includes(process.arch))
    throw new SetupError(`there is a Node 24 package for x64 and arm64 only; this is ${process.arch}`)
  const major = Number(process.versions.node.split('.')[0])
  if (major < OLDEST_NODE)
    throw new SetupError(`the set-up needs Node ${OLDEST_NODE} or newer; this is ${process.version}`)
}

/** @throws {SetupError} */
export function checkRoot() {
  if (process.getuid() !== 0)
    throw new SetupError(
      'the lab makes network namespaces, which takes root: run the command as root or with sudo',
    )
}

/**
 * Programs of the system.
 *
 * @param {readonly { tool: string, debianPackage: string, besides?: readonly string[], why: string }[]} wanted `besides`:
 *   packages that it needs and its own does not bring
 */
export function systemTools(wanted) {
  const missing = () => wanted.filter(({ tool }) => !isOnPath(tool))
  return {
    isThere: () => missing().length === 0,

    async bring() {
      const list = missing().map(
        ({ tool, debianPackage, why }) => `  ${tool} (${why}; Debian package ${debianPackage})`,
      )
      checkInstaller(list)
      await install(missing(), list)
      const still = missing().map(({ tool }) => tool)
      if (still.length > 0) throw new SetupError(`installed, but still not on the PATH: ${still.join(', ')}`)
    },
  }
}

function checkInstaller(list) {
  if (!isOnPath('apt-get'))
    throw new SetupError(
      `these tools are missing, and there is no apt-get to install them:\n${list.join('\n')}\n` +
        'Install them in the way of this distribution, then start again.',
    )
  if (process.getuid() !== 0)
    throw new SetupError(
      `these tools are missing; run the command as root or with sudo, which installs them:\n${list.join('\n')}`,
    )
}

async function install(tools, list) {
  const packages = new Set(tools.flatMap(({ debianPackage, besides = [] }) => [debianPackage, ...besides]))
  const command = ['install', '--yes', '--no-install-recommends', ...packages]
  try {
    await aptGet(`installing ${[...packages].join(', ')}`, command)
  } catch (error) {
    if (!(error instanceof StepError)) throw error
    throw new SetupError(`${error.message}\nThese tools are missing:\n${list.join('\n')}`)
  }
}

function isOnPath(tool) {
  return searchPath().some((folder) => isProgram(join(folder, tool)))
}

function isProgram(file) {
  try {
    accessSync(file, constants.X_OK)
    return statSync(file).isFile()
  } catch {
    // Not there, or not to be run.
    return false
  }
}
