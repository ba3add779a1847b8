import type { CompatTraits } from '../faults/compat.ts'
import type { Place } from '../resource.ts'

/** What a request is, as MetaServer takes it. */
export type Route =
  | { readonly verb: 'get' | 'list' | 'watch' | 'delete-collection'; readonly place: Place }
  /** A write, or a part of an object: for the cloud alone. */
  | { readonly verb: 'forward'; readonly place: Place }
  | { readonly verb: 'pass-through' }
  | { readonly verb: 'unsupported' }

const HEALTH_PATHS: readonly string[] = ['/version', '/healthz', '/livez', '/readyz']
const DISCOVERY_PATHS =
  /^(\/api|\/api\/v1|\/apis|\/apis\/[^/]+|\/apis\/[^/]+\/[^/]+|\/openapi\/v2|\/openapi\/v3)$/

/**
 * @param path - without its query
 * @see KubeEdge, edge/pkg/metamanager/metaserver/server.go; kube-apiserver's RequestInfo
 */
export function routeOf(
  method: string,
  path: string,
  { query, traits }: { readonly query: URLSearchParams; readonly traits: CompatTraits },
): Route {
  const parsed = parsePath(path)
  if (parsed === undefined) return nonResourceRoute(method, path, traits)
  const { place, hasSubresource, isDeprecatedWatch } = parsed
  if (method !== 'GET' || hasSubresource)
    return { verb: method === 'DELETE' && place.name === undefined ? 'delete-collection' : 'forward', place }
  if (['1', 'true'].includes(query.get('watch') ?? '')) return { verb: 'watch', place }
  // The old form of a watch, `/api/v1/watch/…`, is answered as a list.
  if (isDeprecatedWatch) return { verb: 'list', place }
  return { verb: place.name === undefined ? 'list' : 'get', place }
}

/** Whether a path may be asked for without a token, in secure mode. */
export function isDiscovery(path: string, traits: CompatTraits): boolean {
  return traits.servesDiscovery && (HEALTH_PATHS.includes(path) || DISCOVERY_PATHS.test(path))
}

function nonResourceRoute(method: string, path: string, { servesDiscovery }: CompatTraits): Route {
  const isServed = HEALTH_PATHS.includes(path) || (servesDiscovery && DISCOVERY_PATHS.test(path))
  return { verb: method === 'GET' && isServed ? 'pass-through' : 'unsupported' }
}

interface ParsedPath {
  readonly place: Place
  readonly hasSubresource: boolean
  readonly isDeprecatedWatch: boolean
}

/** @returns `undefined` for a path that names no resource */
function parsePath(path: string): ParsedPath | undefined {
  const [prefix, ...rest] = path
    .split('/')
    .filter((segment) => segment !== '')
    .map(decodeURIComponent)
  if (prefix !== 'api' && prefix !== 'apis') return undefined
  const group = prefix === 'apis' ? rest.shift() : ''
  const version = rest.shift()
  const isDeprecatedWatch = rest[0] === 'watch'
  const [first, second, third, ...more] = isDeprecatedWatch ? rest.slice(1) : rest
  if (group === undefined || version === undefined || first === undefined) return undefined
  // `namespaces/<name>` and its parts are an object, `namespaces/<name>/<plural>` a collection in it.
  const isInNamespace =
    first === 'namespaces' && third !== undefined && third !== 'status' && third !== 'finalize'
  const [resource, name, part] = isInNamespace ? [third, ...more] : [first, second, third]
  const namespace = isInNamespace ? second : undefined
  const place = { group, version, resource, namespace, name }
  return { place, hasSubresource: part !== undefined, isDeprecatedWatch }
}
