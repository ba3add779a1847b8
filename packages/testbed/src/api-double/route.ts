import type { Collection, ObjectRef } from './api-object.ts'
import { kindAt } from './kinds.ts'

/** What a request path means: a collection, or one object of it. */
export type Route =
  | { readonly target: 'collection'; readonly collection: Collection }
  | { readonly target: 'object'; readonly ref: ObjectRef }

/** @returns `undefined` for a path that the API does not have */
export function routeOf(path: string): Route | undefined {
  const parts = path
    .split('/')
    .filter((part) => part !== '')
    .map(decodeURIComponent)
  const root = parts.shift()
  if (root !== 'api' && root !== 'apis') return undefined
  const group = root === 'api' ? '' : (parts.shift() ?? '')
  const version = parts.shift() ?? ''
  return resourceOf(group, version, parts)
}

/** `plural[/name]`, or `namespaces/<namespace>/plural[/name]`. */
function resourceOf(group: string, version: string, parts: readonly string[]): Route | undefined {
  const inNamespace = parts[0] === 'namespaces' && parts.length > 2
  const namespace = inNamespace ? parts[1] : undefined
  const [plural = '', name, ...rest] = inNamespace ? parts.slice(2) : parts
  const kind = kindAt(group, version, plural)
  if (kind === undefined || rest.length > 0 || (inNamespace && !kind.namespaced)) return undefined
  if (name === undefined) return { target: 'collection', collection: { kind, namespace } }
  if (kind.namespaced && namespace === undefined) return undefined
  return { target: 'object', ref: { kind, namespace, name } }
}
