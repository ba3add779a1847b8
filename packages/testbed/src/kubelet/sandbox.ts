import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { REPOSITORY } from '../mesh/repository.ts'
import type { ContainerPlan } from './container-plan.ts'
import type { ImageConfig } from './image-config.ts'

const SCRIPT = join(import.meta.dirname, 'sandbox.sh')

/**
 * The command that runs a container without a container runtime: on a root file system and with mounts, environment,
 * user and capabilities of its own. The image is this repository, mounted where the image has it.
 *
 * @param folder - for the root file system, of this container alone; made empty
 */
export async function sandboxCommand(
  plan: ContainerPlan,
  image: ImageConfig,
  folder: string,
): Promise<readonly string[]> {
  await mkdir(folder, { recursive: true })
  const code = { source: REPOSITORY, target: image.workingDir, readOnly: true }
  const mounts = [code, ...plan.mounts].flatMap(({ source, target, readOnly }) => [
    source,
    target,
    readOnly ? 'ro' : 'rw',
  ])
  return [
    ...['unshare', '--mount', '--propagation', 'private'],
    ...['sh', SCRIPT, folder, plan.readOnlyRoot ? 'ro' : 'rw', image.workingDir, ...mounts, '--'],
    ...programOf(plan, image),
  ]
}

/**
 * The command that runs a program in a container that `sandboxCommand` runs: on its root file system and mounts, and with the
 * same environment, user and capabilities.
 *
 * @param pid - of the container's process
 */
export function execCommand(plan: ContainerPlan, image: ImageConfig, pid: number): readonly string[] {
  return [
    ...['nsenter', '--target', String(pid), '--mount', '--root', '--wd'],
    ...['env', '--ignore-environment'],
    ...programOf(plan, image),
  ]
}

/** What comes after `env`: variables, then the program as another user. */
function programOf(plan: ContainerPlan, image: ImageConfig): readonly string[] {
  return [
    ...Object.entries({ ...image.env, ...plan.env }).map(([name, value]) => `${name}=${value}`),
    ...['setpriv', ...privileges(plan)],
    ...image.entrypoint,
    ...plan.args,
  ]
}

function privileges({ user, group, capabilities, noNewPrivileges }: ContainerPlan): readonly string[] {
  const kept = capabilities.map((name) => `+${name.toLowerCase()}`)
  return [
    `--reuid=${user}`,
    `--regid=${group}`,
    '--clear-groups',
    `--bounding-set=${['-all', ...kept].join(',')}`,
    '--inh-caps=-all',
    ...(noNewPrivileges ? ['--no-new-privs'] : []),
  ]
}
