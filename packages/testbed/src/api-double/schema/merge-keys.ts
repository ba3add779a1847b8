import type { PatchStrategy } from './schema.ts'

/** How one list of Kubernetes' API is merged: by a key of its items, or (without one) as a set of plain values. */
export interface ListMerge {
  readonly strategy: PatchStrategy
  readonly key?: string
}

function byKey(key: string): ListMerge {
  return { strategy: 'merge', key }
}

const AS_SET: ListMerge = { strategy: 'merge' }
const UNION_BY_NAME: ListMerge = { strategy: 'merge,retainKeys', key: 'name' }

const CONTAINER = {
  env: byKey('name'),
  ports: byKey('containerPort'),
  volumeMounts: byKey('mountPath'),
  volumeDevices: byKey('devicePath'),
}

/**
 * `patchStrategy` and `patchMergeKey` of Kubernetes' Go types, model by model. Every other list is replaced as a whole.
 *
 * @see https://github.com/kubernetes/api/blob/v0.32.0/core/v1/types.go
 */
export const MERGES: Readonly<Record<string, Readonly<Record<string, ListMerge>>>> = {
  V1ObjectMeta: { finalizers: AS_SET, ownerReferences: byKey('uid') },
  V1ServiceSpec: { ports: byKey('port') },
  V1ServiceStatus: { conditions: byKey('type') },
  V1ServiceAccount: { secrets: byKey('name') },
  V1PodSpec: {
    containers: byKey('name'),
    initContainers: byKey('name'),
    ephemeralContainers: byKey('name'),
    volumes: UNION_BY_NAME,
    imagePullSecrets: byKey('name'),
    hostAliases: byKey('ip'),
    topologySpreadConstraints: byKey('topologyKey'),
    schedulingGates: byKey('name'),
    resourceClaims: UNION_BY_NAME,
  },
  V1Container: CONTAINER,
  V1EphemeralContainer: CONTAINER,
  V1PodStatus: {
    conditions: byKey('type'),
    podIPs: byKey('ip'),
    hostIPs: byKey('ip'),
    resourceClaimStatuses: UNION_BY_NAME,
  },
  V1NodeSpec: { podCIDRs: AS_SET },
  V1NodeStatus: { conditions: byKey('type'), addresses: byKey('type') },
  V1NamespaceStatus: { conditions: byKey('type') },
  V1DeploymentStatus: { conditions: byKey('type') },
  V1DaemonSetStatus: { conditions: byKey('type') },
}

/** Fields whose map is reduced to the keys that the patch names with `$retainKeys`. */
export const RETAINING: Readonly<Record<string, ReadonlySet<string>>> = {
  V1DeploymentSpec: new Set(['strategy']),
}
