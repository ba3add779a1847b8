import { isDeepStrictEqual } from 'node:util'
import { type ApiObject, objectKey } from './kubernetes/api-object.ts'

/** What a change of an ObjectSet means to its reader. */
export interface ObjectChanges {
  readonly set: readonly ApiObject[]
  /** As they were last. */
  readonly deleted: readonly ApiObject[]
}

/**
 * The objects of one kind, kept right although answers overtake one another: nothing older replaces something newer,
 * and a deletion meant for a former object of the same name does not hit its successor.
 */
export class ObjectSet {
  readonly #objects = new Map<string, ApiObject>()
  #listRevision = 0

  get size(): number {
    return this.#objects.size
  }

  /** Takes a complete list: what is missing in it is gone. */
  replace(items: readonly ApiObject[], revision: number): ObjectChanges {
    // A lower revision is another history (a restored or a new cluster): nothing known compares with it.
    const sameHistory = revision >= this.#listRevision
    this.#listRevision = revision
    const listed = new Set(items.map(objectKey))
    const deleted = [...this.#objects.values()].filter((object) => !listed.has(objectKey(object)))
    for (const object of deleted) this.#objects.delete(objectKey(object))
    const set = items.filter((item) => this.#put(item, sameHistory))
    return { set, deleted }
  }

  /** Takes a list that may be incomplete or old: adds and updates, deletes nothing. */
  merge(items: readonly ApiObject[]): ObjectChanges {
    return { set: items.filter((item) => this.#put(item, true)), deleted: [] }
  }

  /** @returns false when it changed nothing */
  put(object: ApiObject): boolean {
    return this.#put(object, true)
  }

  /** @returns what was deleted; `undefined` when the set had no such object, or another one of that name */
  delete(object: ApiObject): ApiObject | undefined {
    const key = objectKey(object)
    const known = this.#objects.get(key)
    if (known === undefined || isOther(known, object)) return undefined
    this.#objects.delete(key)
    return known
  }

  #put(object: ApiObject, sameHistory: boolean): boolean {
    const key = objectKey(object)
    const known = this.#objects.get(key)
    if (known !== undefined && sameHistory && isOlder(object, known)) return false
    if (known !== undefined && isDeepStrictEqual(known, object)) return false
    this.#objects.set(key, object)
    return true
  }
}

/** Numeric, as Kubernetes' own watch cache compares them; 0 where there is none. */
export function revisionOf({ metadata: { resourceVersion = '' } }: ApiObject): number {
  const revision = Number(resourceVersion)
  return Number.isSafeInteger(revision) ? revision : 0
}

function isOlder(object: ApiObject, known: ApiObject): boolean {
  return revisionOf(object) < revisionOf(known)
}

function isOther(known: ApiObject, object: ApiObject): boolean {
  const { uid } = object.metadata
  return uid !== undefined && known.metadata.uid !== undefined && uid !== known.metadata.uid
}
