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
 * The objects of one kind, kept right although answers overtake one another: nothing older replaces something newer,
 * and a deletion meant for a former object of the same name does not hit its successor.
 */
export class ObjectSet<Value> {
  readonly #objects = new Map<string, ReflectedObject<Value>>()
  /** Of the latest complete list, or of something newer that was not seen in a watch. */
  #listRevision = 0

  get size(): number {
    return this.#objects.size
  }

  /** Takes a complete list: what is missing in it is gone, unless it is newer than the list. */
  replace(objects: readonly ReflectedObject<Value>[], revision: number): ObjectChange<Value>[] {
    // A lower revision is another history (a restored or a new cluster): nothing known compares with it.
    const sameHistory = revision >= this.#listRevision
    this.#listRevision = revision
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
   * Takes a list that may be incomplete or old, or what an earlier process knew: adds and updates, deletes nothing.
   * A complete list that comes later with an older version is of another history.
   */
  merge(objects: readonly ReflectedObject<Value>[]): ObjectChange<Value>[] {
    for (const { revision } of objects) this.#listRevision = Math.max(this.#listRevision, revision)
    return objects.flatMap((object) => this.put(object))
  }

  /**
   * An equal revision is accepted: MetaServer's lists can carry wrong content under the right revision.
   *
   * @returns the change it made, if any
   */
  put(object: ReflectedObject<Value>): ObjectChange<Value>[] {
    return this.#isOutdated(object) ? [] : this.#set(object)
  }

  /** @returns the change it made: none when the object is not known, or another one of that name */
  delete({ key, uid }: Pick<ObjectIdentity, 'key' | 'uid'>): ObjectChange<Value>[] {
    const known = this.#objects.get(key)
    const isOther = known !== undefined && uid !== '' && known.uid !== '' && uid !== known.uid
    return isOther ? [] : this.#remove(key)
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
