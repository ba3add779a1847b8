import { type ApiObject, isRecord, type ObjectRef, objectKey, type WatchEvent } from './api-object.ts'
import { storageKey } from './kind-registry.ts'
import type { Kind } from './kinds.ts'

/** Which objects are owned by which, by `ownerReferences`; follows the stored objects of all kinds. */
export class Dependents {
  /** By the uid of an owner; the objects by where they are stored. */
  readonly #byOwner = new Map<string, Map<string, ObjectRef>>()
  readonly #living = new Set<string>()

  /** Is to be told of every change. */
  note(kind: Kind, { type, object, previous }: WatchEvent): void {
    const { namespace, name, uid } = object.metadata
    const place = `${storageKey(kind)} ${objectKey(object.metadata)}`
    for (const owner of ownersOf(previous ?? object)) this.#forget(owner, place)
    if (type === 'DELETED') {
      if (uid !== undefined) this.#living.delete(uid)
      return
    }
    if (uid !== undefined) this.#living.add(uid)
    for (const owner of ownersOf(object)) {
      const owned = this.#byOwner.get(owner) ?? new Map<string, ObjectRef>()
      this.#byOwner.set(owner, owned.set(place, { kind, namespace, name }))
    }
  }

  of(owner: string): readonly ObjectRef[] {
    return [...(this.#byOwner.get(owner)?.values() ?? [])]
  }

  /** True for an object whose owners are all gone. */
  isAbandoned(object: ApiObject): boolean {
    return ownersOf(object).every((owner) => !this.#living.has(owner))
  }

  #forget(owner: string, place: string): void {
    const owned = this.#byOwner.get(owner)
    owned?.delete(place)
    if (owned?.size === 0) this.#byOwner.delete(owner)
  }
}

function ownersOf({ metadata }: ApiObject): readonly string[] {
  const references: unknown = metadata.ownerReferences
  if (!Array.isArray(references)) return []
  return references.flatMap((one) => (isRecord(one) && typeof one['uid'] === 'string' ? [one['uid']] : []))
}
