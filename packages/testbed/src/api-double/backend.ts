import type { ApiObject, Collection, ObjectList, ObjectRef, Watcher } from './api-object.ts'

/**
 * What stands behind the HTTP layer. Reads are answered at once from memory; writes may go elsewhere first.
 *
 * Implemented by `ObjectStore` (the cluster's truth) and `Mirror` (a copy of another API server's).
 */
export interface ApiBackend {
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

  /** @throws {StatusError} `AlreadyExists` */
  create(ref: ObjectRef, object: ApiObject): ApiObject | Promise<ApiObject>

  /** @throws {StatusError} `NotFound`, or `Conflict` when the object names another uid or resourceVersion */
  replace(ref: ObjectRef, object: ApiObject): ApiObject | Promise<ApiObject>

  /** @returns the object as it was last */
  delete(ref: ObjectRef): ApiObject | Promise<ApiObject>
}
