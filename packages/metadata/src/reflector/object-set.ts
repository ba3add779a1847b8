import { isDeepStrictEqual } from 'node:util'

/** Which object it is, and which version of it. */
export interface ObjectIdentity {
  /** `namespace/name`, or `name` for kinds without namespaces. */
  readonly key: string
  /** Empty where the source names none. */
  readonly uid: string
  /** resourceVersion as a number, as Kubernetes' own watch cache compares it; 0 where there is none. */
  readonly revision: number
}

/** An object, reduced to what the mesh keeps of it. */
export interface ReflectedObject<Value> extends ObjectIdentity {
  /** `undefined` for an object that is of no concern. */
  readonly value: Value | undefined
  /** The object can't be read: what was known of it before holds on. */
  readonly malformed: boolean
}

export interface ObjectChange<Value> {
  readonly key: string
  /** `undefined`: there is no such object any more. */
  readonly value: Value | undefined
}

/**
 * Why something was not taken: a newer version is known; the object is gone from the cluster, though a node's own store
 * still has it; a deletion was meant for a former object of that name.
 */
export type IgnoredReason = 'older' | 'ghost' | 'other-uid'

/**
 * The objects of one kind, kept right although answers overtake one another: nothing older replaces something newer,
 * what the cluster has no more does not come back, and a deletion meant for a former object of the same name does not
 * hit its successor.
 */
export class ObjectSet<Value> {
  readonly #objects = new Map<string, ReflectedObject<Value>>()
  readonly #onIgnored: (reason: IgnoredReason) => void
  /** Of the latest complete list, or of something newer that was not seen in a watch. */
  #listRevision = 0
  /** Of the latest complete list: up to there, what is not known is gone. `undefined` before the first one. */
  #completeRevision: number | undefined
  /** What was deleted since; an uid never comes back. */
  readonly #goneUids = new Set<string>()

  constructor(onIgnored: (reason: IgnoredReason) => void = () => {}) {
    this.#onIgnored = onIgnored
  }

  get size(): number {
    return this.#objects.size
  }

  /** Takes a complete list: what is missing in it is gone, unless it is newer than the list. */
  replace(objects: readonly ReflectedObject<Value>[], revision: number): ObjectChange<Value>[] {
    // A lower revision is another history (a restored or a new cluster): nothing known compares with it.
    const sameHistory = revision >= this.#listRevision
    this.#listRevision = revision
    this.#completeRevision = revision
    this.#goneUids.clear()
    // The list knew of everything up to its revision, even where it says something older of it.
    const isNewer = (known: ObjectIdentity | undefined): boolean =>
      sameHistory && known !== undefined && known.revision > revision
    const listed = new Set(objects.map(({ key }) => key))
    const gone = [...this.#objects.values()].filter((known) => !listed.has(known.key) && !isNewer(known))
    const deleted = gone.flatMap(({ key }) => this.#remove(key))
    const taken = objects.filter((object) => !(isNewer(this.get(object.key)) && this.#isOutdated(object)))
    return [...deleted, ...taken.flatMap((object) => this.#set(object))]
  }

  get(key: string): ReflectedObject<Value> | undefined {
    return this.#objects.get(key)
  }

  /**
   * Takes a list that may be incomplete or old: adds and updates, deletes nothing. A complete list that comes later with
   * an older version is of another history.
   */
  merge(objects: readonly ReflectedObject<Value>[]): ObjectChange<Value>[] {
    for (const { revision } of objects) this.#listRevision = Math.max(this.#listRevision, revision)
    return objects.flatMap((object) => this.put(object))
  }

  /**
   * Takes what an earlier process knew.
   *
   * @param completeRevision - of the latest complete list in it, if there was any
   */
  restore(
    objects: readonly ReflectedObject<Value>[],
    completeRevision: number | undefined,
  ): ObjectChange<Value>[] {
    const changes = this.merge(objects)
    this.#completeRevision = completeRevision
    return changes
  }

  /**
   * An equal revision is accepted: MetaServer's lists can carry wrong content under the right revision.
   *
   * @returns the change it made, if any
   */
  put(object: ReflectedObject<Value>): ObjectChange<Value>[] {
    const reason = this.#reasonAgainst(object)
    if (reason === undefined) return this.#set(object)
    this.#onIgnored(reason)
    return []
  }

  /** @returns the change it made: none when the object is not known, or another one of that name */
  delete({ key, uid }: Pick<ObjectIdentity, 'key' | 'uid'>): ObjectChange<Value>[] {
    const known = this.#objects.get(key)
    if (known !== undefined && uid !== '' && known.uid !== '' && uid !== known.uid) {
      this.#onIgnored('other-uid')
      return []
    }
    const gone = uid === '' ? known?.uid : uid
    if (gone !== undefined && gone !== '') this.#goneUids.add(gone)
    return this.#remove(key)
  }

  #reasonAgainst(object: ObjectIdentity): IgnoredReason | undefined {
    if (this.#isOutdated(object)) return 'older'
    if (this.#goneUids.has(object.uid)) return 'ghost'
    const { key, revision } = object
    const isListed = this.#objects.has(key) || revision === 0 || revision > (this.#completeRevision ?? 0)
    return isListed ? undefined : 'ghost'
  }

  #isOutdated({ key, revision }: ObjectIdentity): boolean {
    const known = this.#objects.get(key)
    return known !== undefined && revision < known.revision
  }

  #set(object: ReflectedObject<Value>): ObjectChange<Value>[] {
    const { key } = object
    const known = this.#objects.get(key)
    const holdsOn = object.malformed && known?.uid === object.uid
    const value = holdsOn ? known.value : object.value
    this.#objects.set(key, { ...object, value })
    return isDeepStrictEqual(known?.value, value) ? [] : [{ key, value }]
  }

  #remove(key: string): ObjectChange<Value>[] {
    const known = this.#objects.get(key)
    this.#objects.delete(key)
    return known?.value === undefined ? [] : [{ key, value: undefined }]
  }
}
