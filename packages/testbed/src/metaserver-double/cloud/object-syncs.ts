import type { ApiObject } from '../../api-double/api-object.ts'
import { type Resource, versionOf } from '../resource.ts'

/** What the node has acknowledged of one object: KubeEdge's ObjectSync and ClusterObjectSync. */
export interface ObjectSync {
  readonly uid: string
  readonly resource: Resource
  /** As it was last sent. */
  readonly object: ApiObject
  /** Version that was acknowledged last; 0: none. */
  readonly version: number
  /** It is known that the object is gone, and the node was told in vain. */
  readonly isOrphan: boolean
}

/** Of one node, by uid. They are objects of the API server, so they outlive CloudCore. */
export class ObjectSyncs {
  readonly #syncs = new Map<string, ObjectSync>()

  get size(): number {
    return this.#syncs.size
  }

  get orphans(): number {
    return this.all().filter(({ isOrphan }) => isOrphan).length
  }

  all(): readonly ObjectSync[] {
    return [...this.#syncs.values()]
  }

  get(uid: string): ObjectSync | undefined {
    return this.#syncs.get(uid)
  }

  /** An object is about to be sent for the first time, or again. */
  note(uid: string, resource: Resource, object: ApiObject): void {
    const version = this.#syncs.get(uid)?.version ?? 0
    this.#syncs.set(uid, { uid, resource, object, version, isOrphan: false })
  }

  acknowledge(uid: string, object: ApiObject): void {
    const sync = this.#syncs.get(uid)
    if (sync !== undefined)
      this.#syncs.set(uid, { ...sync, version: Math.max(sync.version, versionOf(object)) })
  }

  orphan(uid: string): void {
    const sync = this.#syncs.get(uid)
    if (sync !== undefined) this.#syncs.set(uid, { ...sync, isOrphan: true })
  }

  remove(uid: string): void {
    this.#syncs.delete(uid)
  }

  /** The node is to get everything anew. */
  forgetVersions(): void {
    for (const [uid, sync] of this.#syncs) this.#syncs.set(uid, { ...sync, version: 0 })
  }
}
