import type { ApiObject, Collection, ObjectList, ObjectRef, Watcher } from './api-object.ts'
import type { KindRegistry } from './kind-registry.ts'

/** Parts of an object that are written on their own. */
export type Subresource = 'status' | 'scale'

/** What goes with a write besides the object. */
export interface WriteOptions {
  /** Everything is checked and answered as if it were done, and nothing is. */
  readonly dryRun?: boolean
  /** What unknown fields are: errors, warnings or nothing worth a word (the default). */
  readonly fieldValidation?: FieldValidation
  readonly subresource?: 'status' | undefined
  /** Gets what the client should know although the write succeeds. */
  warn?(text: string): void
}

export const FIELD_VALIDATIONS = ['Ignore', 'Warn', 'Strict'] as const

export type FieldValidation = (typeof FIELD_VALIDATIONS)[number]

export const PROPAGATION_POLICIES = ['Background', 'Foreground', 'Orphan'] as const

export interface DeleteOptions {
  readonly dryRun?: boolean
  readonly preconditions?: { readonly uid?: string; readonly resourceVersion?: string } | undefined
  /** What becomes of the objects that the deleted one owns: `Orphan` keeps them. */
  readonly propagationPolicy?: (typeof PROPAGATION_POLICIES)[number] | undefined
}

/**
 * What stands behind the HTTP layer. Reads are answered at once from memory; writes may go elsewhere first.
 *
 * Implemented by `ObjectStore` (the cluster's truth).
 */
export interface ApiBackend {
  /** The kinds that are served now. */
  readonly kinds: KindRegistry

  /** @throws {StatusError} `NotFound` */
  get(ref: ObjectRef): ApiObject

  list(collection: Collection): ObjectList

  /**
   * Follows a collection: first, before the call returns, all events after version `since` (`undefined`: all objects
   * there are now, as `ADDED`), then each change until the subscription is disposed.
   *
   * @throws {StatusError} `Expired` when the events after `since` are not all known
   */
  watch(collection: Collection, since: number | undefined, watcher: Watcher): Disposable

  /** @throws {StatusError} `AlreadyExists`, or `Invalid` when the object can't be */
  create(ref: ObjectRef, object: ApiObject, options?: WriteOptions): ApiObject | Promise<ApiObject>

  /** @throws {StatusError} `NotFound`, `Invalid`, or `Conflict` when the object names another uid or resourceVersion */
  replace(ref: ObjectRef, object: ApiObject, options?: WriteOptions): ApiObject | Promise<ApiObject>

  /** @returns the object as it was last, or (while finalizers hold it) as it is now */
  delete(ref: ObjectRef, options?: DeleteOptions): ApiObject | Promise<ApiObject>
}
