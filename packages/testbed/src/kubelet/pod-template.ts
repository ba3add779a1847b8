import type { ApiObject } from '../api-double/api-object.ts'
import { LabError } from '../lab/errors.ts'

// The part of Kubernetes' PodSpec that the lab's kubelet carries out or may pass over. A field that is not named here
// is refused, so that nothing in the manifests is without effect unnoticed.

export interface PodTemplate {
  readonly serviceAccountName: string
  readonly priorityClassName?: string
  readonly hostNetwork: true
  readonly dnsPolicy: 'Default' | 'ClusterFirstWithHostNet'
  readonly terminationGracePeriodSeconds: number
  readonly affinity?: unknown
  readonly tolerations?: unknown
  readonly securityContext?: SecurityContext
  readonly containers: readonly Container[]
  readonly volumes: readonly Volume[]
}

export interface Container {
  readonly name: string
  readonly image: string
  readonly args?: readonly string[]
  readonly env?: readonly EnvironmentVariable[]
  readonly ports?: readonly { readonly name: string; readonly containerPort: number }[]
  readonly startupProbe?: Probe
  readonly livenessProbe: Probe
  readonly readinessProbe: Probe
  readonly resources: { readonly limits: { readonly memory: string } }
  readonly securityContext: SecurityContext
  readonly volumeMounts: readonly VolumeMount[]
}

export interface EnvironmentVariable {
  readonly name: string
  readonly value?: string
  readonly valueFrom?: { readonly fieldRef?: { readonly fieldPath: string } }
}

export interface Probe {
  readonly httpGet: { readonly host?: string; readonly path: string; readonly port: number | string }
}

export interface SecurityContext {
  readonly runAsUser?: number
  readonly runAsGroup?: number
  readonly allowPrivilegeEscalation?: boolean
  readonly readOnlyRootFilesystem?: boolean
  readonly capabilities?: { readonly drop?: readonly string[]; readonly add?: readonly string[] }
}

export interface VolumeMount {
  readonly name: string
  readonly mountPath: string
  readonly readOnly?: boolean
}

export interface Volume {
  readonly name: string
  readonly configMap?: { readonly name: string }
  readonly secret?: {
    readonly secretName: string
    readonly optional?: boolean
    readonly defaultMode?: number
  }
  readonly hostPath?: { readonly path: string; readonly type?: string }
  readonly emptyDir?: Record<string, never>
}

/** A field that may be in a pod template: `true`, or what may be below it. */
type Known = true | { readonly [field: string]: Known }

const SECURITY_CONTEXT: Known = {
  allowPrivilegeEscalation: true,
  capabilities: { add: true, drop: true },
  readOnlyRootFilesystem: true,
  runAsGroup: true,
  runAsNonRoot: true,
  runAsUser: true,
  // Profiles of the container runtime, which the lab has none of.
  seccompProfile: true,
}

const PROBE: Known = {
  failureThreshold: true,
  httpGet: { host: true, path: true, port: true, scheme: true },
  periodSeconds: true,
  successThreshold: true,
  timeoutSeconds: true,
}

const POD_TEMPLATE: Known = {
  // The lab's scheduler is the topology.
  affinity: true,
  containers: {
    args: true,
    env: { name: true, value: true, valueFrom: { fieldRef: { apiVersion: true, fieldPath: true } } },
    image: true,
    imagePullPolicy: true,
    livenessProbe: PROBE,
    name: true,
    ports: true,
    readinessProbe: PROBE,
    resources: { limits: { memory: true }, requests: true },
    securityContext: SECURITY_CONTEXT,
    startupProbe: PROBE,
    terminationMessagePath: true,
    terminationMessagePolicy: true,
    volumeMounts: { mountPath: true, name: true, readOnly: true },
  },
  dnsPolicy: true,
  hostNetwork: true,
  priorityClassName: true,
  restartPolicy: true,
  schedulerName: true,
  securityContext: SECURITY_CONTEXT,
  serviceAccount: true,
  serviceAccountName: true,
  terminationGracePeriodSeconds: true,
  tolerations: true,
  volumes: {
    configMap: { defaultMode: true, name: true },
    emptyDir: {},
    hostPath: { path: true, type: true },
    name: true,
    secret: { defaultMode: true, optional: true, secretName: true },
  },
}

/**
 * The pod template of a DaemonSet or a Deployment.
 *
 * @throws {LabError} naming the first field that the lab's kubelet knows nothing of
 */
export function podTemplateOf(workload: ApiObject): PodTemplate {
  const { template } = workload['spec'] as { readonly template: { readonly spec: PodTemplate } }
  refuseUnknown(template.spec, POD_TEMPLATE, 'spec.template.spec')
  return template.spec
}

function refuseUnknown(value: unknown, known: Known, path: string): void {
  if (known === true || typeof value !== 'object' || value === null) return
  if (Array.isArray(value)) {
    for (const [index, item] of value.entries()) refuseUnknown(item, known, `${path}[${index}]`)
    return
  }
  for (const [field, inner] of Object.entries(value)) {
    const below = known[field]
    if (below === undefined) throw new LabError(`the lab's kubelet does not know the field ${path}.${field}`)
    refuseUnknown(inner, below, `${path}.${field}`)
  }
}
