import type { Logger } from '@edgeway/core'
import type { MetadataMetrics } from '../metrics.ts'
import type { OfflineStore } from '../store/offline-store.ts'
import type { ObjectList } from './object-list.ts'
import { ObjectReader } from './object-reader.ts'
import { type IgnoredReason, type ObjectChange, ObjectSet, type ReflectedObject } from './object-set.ts'
import type { ReflectedKind } from './reflected-kind.ts'

export interface ReflectedObjectsDeps<Value> {
  /** Called synchronously, in the order of the changes. */
  onChanges(changes: readonly ObjectChange<Value>[]): void
  /** What is known on disk, and where changes go. */
  readonly store?: OfflineStore | undefined
  readonly logger: Logger
  readonly metrics: MetadataMetrics
}

/** What became of what the source sent of one kind, for /statusz. */
export interface ReflectedObjectsStatus {
  readonly objects: number
  readonly ignored: Readonly<Record<IgnoredReason, number>>
  readonly malformed: number
  readonly corrupted: number
}

/** The objects of one kind: reads what the source sends, keeps what counts, and tells and stores what it changes. */
export class ReflectedObjects<Value> {
  readonly #kind: ReflectedKind<Value>
  readonly #deps: ReflectedObjectsDeps<Value>
  readonly #set: ObjectSet<Value>
  readonly #reader: ObjectReader<Value>
  readonly #ignored: Record<IgnoredReason, number> = { older: 0, ghost: 0, 'other-uid': 0 }

  constructor(kind: ReflectedKind<Value>, deps: ReflectedObjectsDeps<Value>) {
    const { metrics } = deps
    this.#kind = kind
    this.#deps = deps
    this.#reader = new ObjectReader(kind, deps)
    this.#set = new ObjectSet((reason) => {
      this.#ignored[reason] += 1
      metrics.ignored.add({ kind: kind.name, reason })
    })
  }

  get size(): number {
    return this.#set.size
  }

  /** Whether somebody on the way has spoilt any of them so far. */
  get areSpoilt(): boolean {
    return this.#reader.corrupted > 0
  }

  get status(): ReflectedObjectsStatus {
    const { malformed, corrupted } = this.#reader
    return { objects: this.#set.size, ignored: { ...this.#ignored }, malformed, corrupted }
  }

  /**
   * Begins with what an earlier process stored. What it stored it had mapped itself, as its version did.
   *
   * @returns whether there is a complete list among it
   */
  restore(): boolean {
    const { store, onChanges } = this.#deps
    if (store === undefined) return false
    const { name, restored } = this.#kind
    const stored = store.take(name) as readonly ReflectedObject<Value>[]
    const objects = restored === undefined ? stored : stored.map((one) => withValue(one, restored))
    onChanges(this.#set.restore(objects, store.listRevisionOf(name)))
    this.#showSize()
    return store.listRevisionOf(name) !== undefined
  }

  takeList({ listClass, revision, items }: ObjectList): void {
    const objects = items.flatMap((item) => this.#reader.read(item))
    if (listClass === 'authoritative') {
      this.#apply(this.#set.replace(objects, revision))
      this.#reader.retain((key) => this.#set.get(key) !== undefined)
      this.#deps.store?.noteListed(this.#kind.name, revision)
    }
    if (listClass === 'local') this.#apply(this.#set.merge(objects))
  }

  /** @returns the revision of the event's object, 0 where it has none */
  takeEvent(type: 'ADDED' | 'MODIFIED' | 'DELETED', object: unknown): number {
    const [read] = this.#reader.read(object)
    if (read === undefined) return 0
    this.#apply(type === 'DELETED' ? this.#set.delete(read) : this.#set.put(read))
    return read.revision
  }

  #apply(changes: readonly ObjectChange<Value>[]): void {
    if (changes.length > 0) this.#deps.onChanges(changes)
    for (const change of changes) {
      const { uid = '', revision = 0 } = this.#set.get(change.key) ?? {}
      this.#deps.store?.note(this.#kind.name, { ...change, uid, revision })
    }
    this.#showSize()
  }

  #showSize(): void {
    this.#deps.metrics.objects.set({ kind: this.#kind.name }, this.#set.size)
  }
}

/** A stored object that is no more than remembered to be gone has no value. */
function withValue<Value>(
  object: ReflectedObject<Value>,
  restored: (stored: Value) => Value,
): ReflectedObject<Value> {
  return object.value === undefined ? object : { ...object, value: restored(object.value) }
}
