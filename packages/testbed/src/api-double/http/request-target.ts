import type { Collection, ObjectRef } from '../api-object.ts'
import type { Subresource } from '../backend.ts'
import type { KindRegistry } from '../kind-registry.ts'
import { StatusError } from '../status-error.ts'

/** What a path of the API means: a collection, or with a `name` one object of it or a part of that. */
export type RequestTarget = Collection | (ObjectRef & { readonly subresource?: Subresource })

const SUBRESOURCES: readonly Subresource[] = ['status', 'scale']

/**
 * @param path - `/api/v1/…` or `/apis/<group>/<version>/…`
 * @throws {StatusError} `NotFound` for a path that the double does not serve
 * @see https://kubernetes.io/docs/reference/using-api/api-concepts/#resource-uris
 */
export function parseRequestTarget(path: string, kinds: KindRegistry): RequestTarget {
  const [prefix, ...segments] = segmentsOf(path)
  const group = prefix === 'apis' ? segments.shift() : ''
  const version = segments.shift()
  const target =
    (prefix === 'api' || prefix === 'apis') && group !== undefined && version !== undefined
      ? targetIn({ group, version, kinds }, segments)
      : undefined
  if (target === undefined)
    throw new StatusError('NotFound', 'the server could not find the requested resource')
  return target
}

function segmentsOf(path: string): string[] {
  const encoded = path.split('/').filter((segment) => segment !== '')
  try {
    return encoded.map(decodeURIComponent)
  } catch (error) {
    throw new StatusError('BadRequest', `invalid URL escape in ${path}`, { cause: error })
  }
}

export function isObjectRef(
  target: RequestTarget,
): target is ObjectRef & { readonly subresource?: Subresource } {
  return 'name' in target
}

interface Place {
  readonly group: string
  readonly version: string
  readonly kinds: KindRegistry
}

function targetIn(place: Place, segments: readonly string[]): RequestTarget | undefined {
  const [first = '', second, third] = segments
  // `namespaces/<name>` and `namespaces/<name>/status` are an object, `namespaces/<name>/<plural>` a collection in it.
  const inNamespace =
    first === 'namespaces' && second !== undefined && third !== undefined && !isSubresource(third)
  const [plural = '', name, subresource, ...beyond] = inNamespace ? segments.slice(2) : segments
  const kind = place.kinds.at(place.group, place.version, plural)
  if (kind === undefined || beyond.length > 0) return undefined

  const namespace = inNamespace ? second : undefined
  const isPlaced = kind.namespaced === inNamespace
  if (name === undefined) return isPlaced || kind.namespaced ? { kind, namespace } : undefined
  return isPlaced ? objectIn({ kind, namespace, name }, subresource) : undefined
}

function objectIn(ref: ObjectRef, subresource: string | undefined): RequestTarget | undefined {
  if (subresource === undefined) return ref
  const isServed = subresource === 'status' ? ref.kind.hasStatus === true : ref.kind.kind === 'Deployment'
  return isSubresource(subresource) && isServed ? { ...ref, subresource } : undefined
}

function isSubresource(text: string): text is Subresource {
  return SUBRESOURCES.some((known) => known === text)
}
