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
  const env = { ...image.env, ...plan.env }
  return [
    ...['unshare', '--mount', '--propagation', 'private'],
    ...['sh', SCRIPT, folder, plan.readOnlyRoot ? 'ro' : 'rw', image.workingDir, ...mounts, '--'],
    ...Object.entries(env).map(([name, value]) => `${name}=${value}`),
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
