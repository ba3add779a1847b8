import type { Kind } from './kinds.ts'

export interface ObjectMeta {
  readonly name: string
  readonly namespace?: string | undefined
  readonly uid?: string
  readonly resourceVersion?: string
  readonly creationTimestamp?: string
  readonly deletionTimestamp?: string
  readonly generation?: number
  readonly labels?: Readonly<Record<string, string>>
  readonly annotations?: Readonly<Record<string, string>>
  readonly finalizers?: readonly string[]
  readonly ownerReferences?: readonly { readonly uid: string; readonly [field: string]: unknown }[]
  readonly [field: string]: unknown
}

/** A Kubernetes object as JSON; only what every kind has is typed. */
export interface ApiObject {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: ObjectMeta
  readonly [field: string]: unknown
}

export interface WatchEvent {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'
  readonly object: ApiObject
  /** The object before a change; not part of what goes over the wire. */
  readonly previous?: ApiObject | undefined
}

/** All objects of a kind, in one namespace or (`undefined`) in the whole cluster. */
export interface Collection {
  readonly kind: Kind
  readonly namespace: string | undefined
}

/** One object; `namespace` is `undefined` for kinds without namespaces. */
export interface ObjectRef extends Collection {
  readonly name: string
}

export interface ObjectList {
  /** `undefined`: nothing is known about the collection, so the answer carries no `metadata`. */
  readonly resourceVersion: string | undefined
  readonly items: readonly ApiObject[]
}

/** Whoever follows a collection; called synchronously, in the order of the changes. */
export interface Watcher {
  onEvent(event: WatchEvent): void
  /** The history broke: the watcher is to list again and gets no further event. */
  onExpired(): void
}

/** `namespace/name`, or `name` where there is no namespace. */
export function objectKey({ namespace, name }: Pick<ObjectMeta, 'namespace' | 'name'>): string {
  return namespace === undefined ? name : `${namespace}/${name}`
}

/** True for a parsed JSON or YAML value that has what every object of the API has. */
export function isApiObject(value: unknown): value is ApiObject {
  if (!isRecord(value) || !isRecord(value['metadata'])) return false
  const { apiVersion, kind, metadata } = value
  return typeof apiVersion === 'string' && typeof kind === 'string' && typeof metadata['name'] === 'string'
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
