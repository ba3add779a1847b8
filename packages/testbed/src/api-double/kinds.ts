/** One kind of Kubernetes object: its name in manifests and its place in the API's paths. */
export interface Kind {
  /** Empty for the core group. */
  readonly group: string
  readonly version: string
  readonly kind: string
  readonly plural: string
  readonly namespaced: boolean
}

/** Every kind that the double serves. */
export const KINDS = [
  { group: '', version: 'v1', kind: 'Namespace', plural: 'namespaces', namespaced: false },
  { group: '', version: 'v1', kind: 'Node', plural: 'nodes', namespaced: false },
  { group: '', version: 'v1', kind: 'Service', plural: 'services', namespaced: true },
  { group: '', version: 'v1', kind: 'Endpoints', plural: 'endpoints', namespaced: true },
  {
    group: 'discovery.k8s.io',
    version: 'v1',
    kind: 'EndpointSlice',
    plural: 'endpointslices',
    namespaced: true,
  },
] as const satisfies readonly Kind[]

export type KindName = (typeof KINDS)[number]['kind']

/** As in manifests: `v1`, `discovery.k8s.io/v1`. */
export function apiVersionOf({ group, version }: Kind): string {
  return group === '' ? version : `${group}/${version}`
}

/** The kind that a manifest means, or `undefined` for one that the double does not serve. */
export function kindOf(apiVersion: string, kind: string): Kind | undefined {
  return KINDS.find((candidate) => candidate.kind === kind && apiVersionOf(candidate) === apiVersion)
}

/** The kind behind `/api/<version>/…/<plural>` or `/apis/<group>/<version>/…/<plural>`. */
export function kindAt(group: string, version: string, plural: string): Kind | undefined {
  return KINDS.find(
    (candidate) => candidate.group === group && candidate.version === version && candidate.plural === plural,
  )
}

export function kindNamed(name: KindName): Kind {
  const kind = KINDS.find((candidate) => candidate.kind === name)
  if (kind === undefined) throw new Error(`no such kind: ${name}`)
  return kind
}
