import type { Collection, ObjectRef } from './api-object.ts'
import { kindAt } from './kinds.ts'
import { StatusError } from './status-error.ts'

/** What a path of the API means: a collection, or with a `name` one object of it. */
export type RequestTarget = Collection | ObjectRef

/**
 * @param path - `/api/v1/…` or `/apis/<group>/<version>/…`
 * @throws {StatusError} `NotFound` for a path that the double does not serve
 * @see https://kubernetes.io/docs/reference/using-api/api-concepts/#resource-uris
 */
export function parseRequestTarget(path: string): RequestTarget {
  const [prefix, ...segments] = path
    .split('/')
    .filter((segment) => segment !== '')
    .map(decodeURIComponent)
  const group = prefix === 'apis' ? segments.shift() : ''
  const version = segments.shift()
  const target =
    (prefix === 'api' || prefix === 'apis') && group !== undefined && version !== undefined
      ? targetIn(group, version, segments)
      : undefined
  if (target === undefined) throw new StatusError('NotFound', `the server could not find ${path}`)
  return target
}

export function isObjectRef(target: RequestTarget): target is ObjectRef {
  return 'name' in target
}

function targetIn(group: string, version: string, segments: readonly string[]): RequestTarget | undefined {
  const [first = '', second, ...rest] = segments
  // `namespaces/<name>` is an object, `namespaces/<name>/<plural>` a collection within it.
  const inNamespace = first === 'namespaces' && second !== undefined && rest.length > 0
  const [plural = '', name, ...beyond] = inNamespace ? rest : segments
  const kind = kindAt(group, version, plural)
  if (kind === undefined || beyond.length > 0) return undefined

  const namespace = inNamespace ? second : undefined
  const placed = kind.namespaced === inNamespace
  if (name === undefined) return placed || kind.namespaced ? { kind, namespace } : undefined
  return placed ? { kind, namespace, name } : undefined
}
