import type { ContainerPlan } from './container-plan.ts'

export interface PodmanOptions {
  readonly name: string
  /** Name of the network namespace that stands for the node. */
  readonly namespace: string
}

/** Limits are lowered explicitly: a container may be started where nobody may raise them. */
const ULIMITS = { nofile: 4_096, nproc: 4_096 } as const

/** The command that runs a container in podman, with everything that the pod template says of it. */
export function podmanCommand(plan: ContainerPlan, { name, namespace }: PodmanOptions): readonly string[] {
  const mounts = plan.mounts.map(
    ({ source, target, readOnly }) => `${source}:${target}:${readOnly ? 'ro' : 'rw'}`,
  )
  return [
    ...['podman', '--cgroup-manager=cgroupfs', '--runtime', 'runc', 'run', '--rm', '--pull=never'],
    `--name=${name}`,
    `--network=ns:/var/run/netns/${namespace}`,
    `--user=${plan.user}:${plan.group}`,
    '--cap-drop=ALL',
    ...plan.capabilities.map((capability) => `--cap-add=${capability}`),
    ...(plan.noNewPrivileges ? ['--security-opt=no-new-privileges'] : []),
    ...(plan.readOnlyRoot ? ['--read-only', '--read-only-tmpfs=false'] : []),
    `--memory=${plan.memoryLimitBytes}`,
    ...Object.entries(ULIMITS).map(([limit, value]) => `--ulimit=${limit}=${value}:${value}`),
    ...Object.entries(plan.env).map(([variable, value]) => `--env=${variable}=${value}`),
    ...mounts.map((mount) => `--volume=${mount}`),
    `localhost/${plan.image}`,
    ...plan.args,
  ]
}
