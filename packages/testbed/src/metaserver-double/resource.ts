import { type ApiObject, isRecord } from '../api-double/api-object.ts'

/** A resource of the API; MetaServer serves any, whether or not anybody has heard of it. */
export interface Resource {
  /** Empty for the core group. */
  readonly group: string
  readonly version: string
  readonly resource: string
}

/** A collection, or with a `name` one object. */
export interface Place extends Resource {
  readonly namespace: string | undefined
  readonly name: string | undefined
}

/** As in KubeEdge's database: `/v1, Resource=services`. */
export function resourceText({ group, version, resource }: Resource): string {
  return `${group}/${version}, Resource=${resource}`
}

/** As in manifests: `v1`, `discovery.k8s.io/v1`. */
export function apiVersionOf({ group, version }: Pick<Resource, 'group' | 'version'>): string {
  return group === '' ? version : `${group}/${version}`
}

/** `v1/services`, `discovery.k8s.io/v1/endpointslices`; `undefined` for a text that is none. */
export function parseResource(text: string): Resource | undefined {
  const [resource, version, group = '', ...beyond] = text.split('/').reverse()
  return resource && version && beyond.length === 0 ? { group, version, resource } : undefined
}

/** Key of an object or a collection in KubeEdge's database and messages: `/core/v1/services/default/web`. */
export function storeKey({ group, version, resource, namespace, name }: Place): string {
  return `/${group || 'core'}/${version}/${resource}/${namespace ?? 'null'}/${name ?? 'null'}`
}

export function collectionPath({ group, version, resource, namespace }: Place): string {
  const root = group === '' ? `/api/${version}` : `/apis/${group}/${version}`
  return `${root}${namespace === undefined ? '' : `/namespaces/${encodeURIComponent(namespace)}`}/${resource}`
}

/** Plurals whose kind is known; every other kind is guessed. */
const KINDS: Readonly<Record<string, string>> = {
  endpoints: 'Endpoints',
  endpointslices: 'EndpointSlice',
  customresourcedefinitions: 'CustomResourceDefinition',
}

/** The kind that KubeEdge takes the objects of a resource for: right for one-word kinds. */
export function guessKind(resource: string): string {
  const known = KINDS[resource]
  if (known !== undefined) return known
  const title = resource.charAt(0).toUpperCase() + resource.slice(1).toLowerCase()
  if (title.endsWith('ies')) return `${title.slice(0, -3)}y`
  if (title.endsWith('ses')) return title.slice(0, -2)
  return title.endsWith('s') ? title.slice(0, -1) : title
}

/** The resource under which KubeEdge stores objects of a kind: wrong for `Gateway`, `Mesh` and the like. */
export function guessResource(kind: string): string {
  if (kind === 'Endpoints') return 'endpoints'
  const lower = kind.toLowerCase()
  if (lower.endsWith('s')) return `${lower}es`
  return lower.endsWith('y') ? `${lower.slice(0, -1)}ies` : `${lower}s`
}

/** `resourceVersion` as a number; 0 where there is none. */
export function versionOf({ metadata }: ApiObject): number {
  return Number(metadata.resourceVersion ?? 0)
}

/** Objects of a list answer, each with its type, which a list of kube-apiserver leaves to the list. */
export function itemsOf(list: unknown): ApiObject[] {
  if (!isRecord(list) || !Array.isArray(list['items'])) return []
  const kind = String(list['kind']).replace(/List$/, '')
  return list['items'].map((item: ApiObject) => ({ ...item, apiVersion: String(list['apiVersion']), kind }))
}
