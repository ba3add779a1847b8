import type { ApiObject, WatchEvent } from '../../api-double/api-object.ts'
import type { Resource } from '../resource.ts'

/** A request to the API server, as a client sent it. */
export interface CloudRequest {
  readonly method: string
  /** With its query. */
  readonly path: string
  readonly contentType?: string | undefined
  readonly body?: string | undefined
}

export interface CloudAnswer {
  readonly code: number
  readonly contentType: string
  readonly text: string
}

/** All objects of a resource, always as they are now. */
export interface Informer {
  find(namespace: string | undefined, name: string): ApiObject | undefined
  all(): readonly ApiObject[]
}

/** One object, as people name it. */
export interface ObjectName {
  readonly apiVersion: string
  readonly kind: string
  readonly namespace?: string | undefined
  readonly name: string
}

/**
 * The truth: an API server, seen from CloudCore.
 *
 * Implemented by `StoreCloud` (a store in this process) and `UpstreamCloud` (an API server elsewhere).
 */
export interface Cloud extends AsyncDisposable {
  /** Base URL of the API server. */
  readonly url: string

  /** @throws when the API server can't be reached */
  request(request: CloudRequest): Promise<CloudAnswer>

  /**
   * Follows a resource from now on.
   *
   * @param onEvent - gets every change after the informer was resolved
   * @returns `undefined` when there is no such resource
   */
  inform(resource: Resource, onEvent: (event: WatchEvent) => void): Promise<Informer | undefined>

  /** Creates or replaces objects: YAML or JSON. */
  apply(manifests: string): Promise<void>

  delete(name: ObjectName): Promise<void>
}
