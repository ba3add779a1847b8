import { execFileSync } from 'node:child_process'
import { accessSync, constants, existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { runStep, SetupError } from './steps.mjs'
import { TOOLS } from './tools.mjs'

const OLDEST_NODE = 20
/** Another apt, such as the machine's own nightly one, is waited for. */
const APT_LOCK_SECONDS = 300

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

/**
 * Brings the tools of the lab and tries what it needs of the kernel.
 *
 * @throws {SetupError} saying exactly what is missing and how to get it
 */
export async function ensureLabCanRun() {
  if (process.getuid() !== 0)
    throw new SetupError(
      'the lab makes network namespaces, which takes root: run the command as root or with sudo',
    )
  await ensureTools(TOOLS)
  checkKernel()
}

/** @throws {SetupError} saying which can't be had */
export async function ensureTools(tools) {
  const missing = tools.filter(({ tool }) => !isOnPath(tool))
  if (missing.length > 0) await installTools(missing)
}

async function installTools(missing) {
  const named = missing.map(({ debianPackage }) => debianPackage)
  // podman's policy for images, which Debian only recommends.
  const policy =
    named.includes('podman') || named.includes('buildah') ? ['golang-github-containers-common'] : []
  const packages = [...new Set([...named, ...policy])]
  const list = missing.map(
    ({ tool, debianPackage, why }) => `  ${tool} (${why}; Debian package ${debianPackage})`,
  )
  if (!isOnPath('apt-get'))
    throw new SetupError(
      `these tools are missing, and there is no apt-get to install them:\n${list.join('\n')}`,
    )
  const environment = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  const apt = ['apt-get', '-o', `DPkg::Lock::Timeout=${APT_LOCK_SECONDS}`]
  await runStep('updating the list of system packages', [...apt, 'update'], environment)
  const install = [...apt, 'install', '--yes', '--no-install-recommends', ...packages]
  await runStep(`installing ${packages.join(', ')}`, install, environment)
  const still = missing.filter(({ tool }) => !isOnPath(tool)).map(({ tool }) => tool)
  if (still.length > 0) throw new SetupError(`installed, but still not on the PATH: ${still.join(', ')}`)
}

/** sbin is not on everybody's PATH, yet that is where most of these tools are. */
export function searchPath() {
  const folders = (process.env.PATH ?? '').split(delimiter)
  const system = ['/usr/local/sbin', '/usr/sbin', '/sbin'].filter((folder) => !folders.includes(folder))
  return [...folders, ...system]
}

function isOnPath(tool) {
  return searchPath().some((folder) => {
    const file = join(folder, tool)
    if (!existsSync(file)) return false
    try {
      accessSync(file, constants.X_OK)
      return true
    } catch {
      // There, but not to be run.
      return false
    }
  })
}

/** Each is tried in a network namespace of its own, which is gone afterwards. */
const KERNEL_FEATURES = [
  {
    feature: 'bridge and veth devices',
    script: 'ip link add b0 type bridge && ip link add v0 type veth peer name v1',
  },
  {
    feature: 'nftables with NAT',
    script:
      'nft "add table inet t; add chain inet t c { type nat hook postrouting priority 100; }; add rule inet t c masquerade"',
  },
]

function checkKernel() {
  const attempt = (script) =>
    execFileSync('unshare', ['--net', 'sh', '-c', script], {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { ...process.env, PATH: searchPath().join(delimiter) },
    })
  for (const { feature, script } of [{ feature: 'network namespaces', script: 'true' }, ...KERNEL_FEATURES]) {
    try {
      attempt(script)
    } catch (error) {
      throw new SetupError(
        `the kernel or this container forbids ${feature}: ${String(error.stderr ?? error.message).trim()}\n` +
          "Use a machine (or a privileged container) with Debian's or a comparable kernel.",
      )
    }
  }
}
