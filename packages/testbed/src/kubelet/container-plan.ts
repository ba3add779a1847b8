import { LabError } from '../lab/errors.ts'
import type {
  Container,
  EnvironmentVariable,
  PodTemplate,
  Probe,
  SecurityContext,
  Volume,
  VolumeMount,
} from './pod-template.ts'

/** Where a volume's content is on the machine that runs the lab. */
export interface BindMount {
  readonly source: string
  readonly target: string
  readonly readOnly: boolean
}

/** What a container runtime is told to run: everything that a pod template says of its only container. */
export interface ContainerPlan {
  readonly image: string
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string>>
  readonly mounts: readonly BindMount[]
  readonly user: number
  readonly group: number
  /** As in capabilities(7), without `CAP_`; all others are dropped. */
  readonly capabilities: readonly string[]
  readonly noNewPrivileges: boolean
  readonly readOnlyRoot: boolean
  readonly memoryLimitBytes: number
  /** Where the readiness probe asks. */
  readonly readinessUrl: URL
  readonly terminationGraceMs: number
}

/** What a pod template leaves to the node. */
export interface NodeContext {
  readonly nodeName: string
  /** Added by the kubelet to what the template asks for, e.g. the service account's token. */
  readonly mounts: readonly BindMount[]
  readonly env: Readonly<Record<string, string>>
  /** Where the content of a volume lies on this machine. */
  folderOf(volume: Volume): string
}

const MEMORY_UNITS: Readonly<Record<string, number>> = { Mi: 2 ** 20, Gi: 2 ** 30 }

/**
 * The container of a pod on a node.
 *
 * @throws {LabError} when the template asks for what the lab's runtimes can't give
 */
export function planContainer(template: PodTemplate, node: NodeContext): ContainerPlan {
  const [container, ...others] = template.containers
  if (container === undefined || others.length > 0) throw new LabError('a pod of the lab has one container')
  if (template.hostNetwork !== true) throw new LabError('a workload of the lab has hostNetwork: true')
  const security = { ...template.securityContext, ...container.securityContext }
  return {
    image: container.image,
    args: container.args ?? [],
    env: { ...node.env, ...environmentOf(container.env ?? [], node) },
    mounts: [...mountsOf(container.volumeMounts, template.volumes, node), ...node.mounts],
    user: security.runAsUser ?? 0,
    group: security.runAsGroup ?? 0,
    capabilities: capabilitiesOf(security),
    noNewPrivileges: security.allowPrivilegeEscalation === false,
    readOnlyRoot: security.readOnlyRootFilesystem === true,
    memoryLimitBytes: bytesOf(container.resources.limits.memory),
    readinessUrl: urlOf(container.readinessProbe, container),
    terminationGraceMs: template.terminationGracePeriodSeconds * 1000,
  }
}

function environmentOf(
  variables: readonly EnvironmentVariable[],
  { nodeName }: NodeContext,
): Readonly<Record<string, string>> {
  return Object.fromEntries(
    variables.map(({ name, value, valueFrom }) => {
      const path = valueFrom?.fieldRef?.fieldPath
      if (value !== undefined) return [name, value]
      if (path === 'spec.nodeName') return [name, nodeName]
      throw new LabError(`the environment variable ${name} comes from ${path}, which the lab does not know`)
    }),
  )
}

function mountsOf(
  mounts: readonly VolumeMount[],
  volumes: readonly Volume[],
  node: NodeContext,
): readonly BindMount[] {
  return mounts.map(({ name, mountPath, readOnly = false }) => {
    const volume = volumes.find((candidate) => candidate.name === name)
    if (volume === undefined) throw new LabError(`the volume mount ${mountPath} names no volume: ${name}`)
    return { source: node.folderOf(volume), target: mountPath, readOnly }
  })
}

/** Only what is added counts: a template that does not drop everything would hide what the program needs. */
function capabilitiesOf({ capabilities }: SecurityContext): readonly string[] {
  if (!capabilities?.drop?.includes('ALL'))
    throw new LabError('a container of the lab drops ALL capabilities')
  return capabilities.add ?? []
}

function bytesOf(quantity: string): number {
  const [, number, unit = ''] = /^(\d+)(Mi|Gi)$/.exec(quantity) ?? []
  const factor = MEMORY_UNITS[unit]
  if (factor === undefined) throw new LabError(`a memory limit of the lab is in Mi or Gi: ${quantity}`)
  return Number(number) * factor
}

function urlOf({ httpGet: { host = '127.0.0.1', path, port } }: Probe, container: Container): URL {
  const number =
    typeof port === 'number' ? port : container.ports?.find(({ name }) => name === port)?.containerPort
  if (number === undefined) throw new LabError(`the probe of ${container.name} names no port: ${port}`)
  return new URL(path, `http://${host}:${number}`)
}
