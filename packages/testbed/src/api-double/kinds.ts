/** One kind of Kubernetes object: its names in manifests and on the command line, and its place in the API's paths. */
export interface Kind {
  /** Empty for the core group. */
  readonly group: string
  readonly version: string
  readonly kind: string
  readonly plural: string
  readonly namespaced: boolean
  readonly shortNames?: readonly string[]
  readonly categories?: readonly string[]
  /** Has a status of its own, written through the subresource only. */
  readonly hasStatus?: boolean
  /** Name of the model in Kubernetes' own schema; `undefined` for a custom resource. */
  readonly model?: string
}

const CORE = { group: '', version: 'v1' } as const
const APPS = { group: 'apps', version: 'v1', namespaced: true, hasStatus: true, categories: ['all'] } as const
const RBAC = { group: 'rbac.authorization.k8s.io', version: 'v1' } as const

/** Every kind that the double serves from its start. */
export const KINDS = [
  // biome-ignore-start format: a table
  {
    ...CORE,
    kind: 'Namespace',
    plural: 'namespaces',
    namespaced: false,
    shortNames: ['ns'],
    hasStatus: true,
    model: 'V1Namespace',
  },
  {
    ...CORE,
    kind: 'Node',
    plural: 'nodes',
    namespaced: false,
    shortNames: ['no'],
    hasStatus: true,
    model: 'V1Node',
  },
  {
    ...CORE,
    kind: 'Service',
    plural: 'services',
    namespaced: true,
    shortNames: ['svc'],
    categories: ['all'],
    hasStatus: true,
    model: 'V1Service',
  },
  {
    ...CORE,
    kind: 'Endpoints',
    plural: 'endpoints',
    namespaced: true,
    shortNames: ['ep'],
    model: 'V1Endpoints',
  },
  {
    ...CORE,
    kind: 'Pod',
    plural: 'pods',
    namespaced: true,
    shortNames: ['po'],
    categories: ['all'],
    hasStatus: true,
    model: 'V1Pod',
  },
  {
    ...CORE,
    kind: 'ConfigMap',
    plural: 'configmaps',
    namespaced: true,
    shortNames: ['cm'],
    model: 'V1ConfigMap',
  },
  { ...CORE, kind: 'Secret', plural: 'secrets', namespaced: true, model: 'V1Secret' },
  {
    ...CORE,
    kind: 'ServiceAccount',
    plural: 'serviceaccounts',
    namespaced: true,
    shortNames: ['sa'],
    model: 'V1ServiceAccount',
  },
  { ...CORE, kind: 'Event', plural: 'events', namespaced: true, shortNames: ['ev'], model: 'CoreV1Event' },
  { ...APPS, kind: 'DaemonSet', plural: 'daemonsets', shortNames: ['ds'], model: 'V1DaemonSet' },
  { ...APPS, kind: 'Deployment', plural: 'deployments', shortNames: ['deploy'], model: 'V1Deployment' },
  {
    group: 'discovery.k8s.io',
    version: 'v1',
    kind: 'EndpointSlice',
    plural: 'endpointslices',
    namespaced: true,
    model: 'V1EndpointSlice',
  },
  {
    group: 'coordination.k8s.io',
    version: 'v1',
    kind: 'Lease',
    plural: 'leases',
    namespaced: true,
    model: 'V1Lease',
  },
  {
    group: 'scheduling.k8s.io',
    version: 'v1',
    kind: 'PriorityClass',
    plural: 'priorityclasses',
    namespaced: false,
    shortNames: ['pc'],
    model: 'V1PriorityClass',
  },
  { ...RBAC, kind: 'Role', plural: 'roles', namespaced: true, model: 'V1Role' },
  { ...RBAC, kind: 'RoleBinding', plural: 'rolebindings', namespaced: true, model: 'V1RoleBinding' },
  { ...RBAC, kind: 'ClusterRole', plural: 'clusterroles', namespaced: false, model: 'V1ClusterRole' },
  {
    ...RBAC,
    kind: 'ClusterRoleBinding',
    plural: 'clusterrolebindings',
    namespaced: false,
    model: 'V1ClusterRoleBinding',
  },
  {
    group: 'apiextensions.k8s.io',
    version: 'v1',
    kind: 'CustomResourceDefinition',
    plural: 'customresourcedefinitions',
    namespaced: false,
    shortNames: ['crd', 'crds'],
    hasStatus: true,
    model: 'V1CustomResourceDefinition',
  },
  // biome-ignore-end format: a table
] as const satisfies readonly Kind[]

export type KindName = (typeof KINDS)[number]['kind']

/** As in manifests: `v1`, `discovery.k8s.io/v1`. */
export function apiVersionOf({ group, version }: Pick<Kind, 'group' | 'version'>): string {
  return group === '' ? version : `${group}/${version}`
}

/** As messages and RBAC name it: `services`, `endpointslices.discovery.k8s.io`. */
export function resourceName({ group, plural }: Kind): string {
  return group === '' ? plural : `${plural}.${group}`
}

export function kindNamed(name: KindName): Kind {
  const kind = KINDS.find((candidate) => candidate.kind === name)
  if (kind === undefined) throw new Error(`no such kind: ${name}`)
  return kind
}
