import type { ContainerPlan } from './container-plan.ts'

export interface PodmanOptions {
  readonly name: string
  /** Name of the network namespace that stands for the node; its resolv.conf becomes the container's. */
  readonly namespace: string
}

/** One command in an image, without a network. */
export interface PodmanOnce {
  readonly image: string
  readonly command: readonly string[]
  /** As in capabilities(7), without `CAP_`; all others are dropped. */
  readonly capabilities?: readonly string[]
}

/** Works where there is no systemd to make cgroups, and where cgroups of both versions are mounted. */
const PODMAN = ['podman', '--cgroup-manager=cgroupfs', '--runtime', 'runc'] as const

const RUN = [
  ...PODMAN,
  ...['run', '--rm', '--pull=never'],
  // A proxy that this machine goes by is out of reach from inside.
  '--http-proxy=false',
  // Lowered explicitly: a container may be started where nobody may raise them.
  '--ulimit=nofile=4096:4096',
  '--ulimit=nproc=4096:4096',
  '--cap-drop=ALL',
] as const

/** The command that runs a container in podman, with everything that the pod template says of it. */
export function podmanCommand(plan: ContainerPlan, { name, namespace }: PodmanOptions): readonly string[] {
  const mounts = plan.mounts.map(
    ({ source, target, readOnly }) => `${source}:${target}:${readOnly ? 'ro' : 'rw'}`,
  )
  return [
    ...RUN,
    `--name=${name}`,
    `--network=ns:/var/run/netns/${namespace}`,
    `--user=${plan.user}:${plan.group}`,
    ...added(plan.capabilities),
    ...(plan.noNewPrivileges ? ['--security-opt=no-new-privileges'] : []),
    // As for a kubelet: also /tmp and /run are read-only then.
    ...(plan.readOnlyRoot ? ['--read-only', '--read-only-tmpfs=false'] : []),
    `--memory=${plan.memoryLimitBytes}`,
    `--stop-timeout=${plan.terminationGraceMs / 1_000}`,
    ...Object.entries(plan.env).map(([variable, value]) => `--env=${variable}=${value}`),
    ...mounts.map((mount) => `--volume=${mount}`),
    `localhost/${plan.image}`,
    ...plan.args,
  ]
}

/** The command that runs one command in an image to its end. */
export function podmanOnceCommand({ image, command, capabilities = [] }: PodmanOnce): readonly string[] {
  const [entrypoint = '', ...args] = command
  return [...RUN, '--network=none', ...added(capabilities), `--entrypoint=${entrypoint}`, image, ...args]
}

function added(capabilities: readonly string[]): readonly string[] {
  return capabilities.map((capability) => `--cap-add=${capability}`)
}
