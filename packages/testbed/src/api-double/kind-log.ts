import { type ApiObject, type Collection, objectKey, type WatchEvent, type Watcher } from './api-object.ts'
import { StatusError } from './status-error.ts'

interface LoggedEvent {
  readonly revision: number
  readonly event: WatchEvent
}

interface Subscription {
  readonly namespace: string | undefined
  readonly watcher: Watcher
}

/**
 * The objects of one kind and the latest changes that led to them. Pure state: revisions come from its owner and
 * must ascend.
 */
export class KindLog {
  readonly #objects = new Map<string, ApiObject>()
  readonly #events: LoggedEvent[] = []
  readonly #subscriptions = new Set<Subscription>()
  readonly #maxEvents: number
  /** The history is complete after this revision only. */
  #forgotten: number
  #latest: number

  /** @param revision - the history starts after it */
  constructor(revision: number, maxEvents: number) {
    this.#forgotten = revision
    this.#latest = revision
    this.#maxEvents = maxEvents
  }

  /** The highest revision that the log was told of. */
  get latest(): number {
    return this.#latest
  }

  get(key: string): ApiObject | undefined {
    return this.#objects.get(key)
  }

  list(namespace: string | undefined): ApiObject[] {
    return [...this.#objects.values()].filter((object) => isIn(namespace, object))
  }

  /** Adds or replaces an object that carries `revision` as its resourceVersion. */
  set(object: ApiObject, revision: number): void {
    const key = objectKey(object.metadata)
    const previous = this.#objects.get(key)
    const type = previous === undefined ? 'ADDED' : 'MODIFIED'
    this.#objects.set(key, object)
    this.#append({ revision, event: { type, object, previous } })
  }

  /** The DELETED event carries the revision of the deletion, as etcd's does. */
  delete(key: string, revision: number): void {
    const last = this.#objects.get(key)
    if (last === undefined) return
    this.#objects.delete(key)
    const object = { ...last, metadata: { ...last.metadata, resourceVersion: String(revision) } }
    this.#append({ revision, event: { type: 'DELETED', object, previous: last } })
  }

  /** Notes that nothing more happened up to `revision`. */
  advance(revision: number): void {
    this.#latest = Math.max(this.#latest, revision)
  }

  /** Forgets everything, as after a restore of another state: all watchers have to list again. */
  reset(revision: number): void {
    this.#objects.clear()
    this.compact()
    this.#forgotten = revision
    this.#latest = revision
    for (const { watcher } of this.#subscriptions) watcher.onExpired()
    this.#subscriptions.clear()
  }

  /** Drops the history, as etcd's compaction does: only watches from the latest revision on are possible. */
  compact(): void {
    this.#events.length = 0
    this.#forgotten = this.#latest
  }

  /** @throws {StatusError} `Expired` when the log does not reach back to `since` */
  watch({ namespace }: Collection, since: number | undefined, watcher: Watcher): Disposable {
    if (since !== undefined && since < this.#forgotten) {
      throw new StatusError('Expired', `too old resource version: ${since} (${this.#forgotten})`)
    }
    if (since !== undefined && since > this.#latest) {
      throw new StatusError('Expired', `resource version of another history: ${since} (${this.#latest})`)
    }
    for (const event of this.#replay(since)) if (isIn(namespace, event.object)) watcher.onEvent(event)

    const subscription: Subscription = { namespace, watcher }
    this.#subscriptions.add(subscription)
    return { [Symbol.dispose]: () => void this.#subscriptions.delete(subscription) }
  }

  #replay(since: number | undefined): WatchEvent[] {
    if (since === undefined) return this.list(undefined).map((object) => ({ type: 'ADDED', object }))
    return this.#events.filter(({ revision }) => revision > since).map(({ event }) => event)
  }

  #append(logged: LoggedEvent): void {
    this.#events.push(logged)
    this.#latest = Math.max(this.#latest, logged.revision)
    if (this.#events.length > this.#maxEvents) {
      this.#forgotten = Math.max(this.#forgotten, this.#events.shift()?.revision ?? 0)
    }
    for (const { namespace, watcher } of this.#subscriptions) {
      if (isIn(namespace, logged.event.object)) watcher.onEvent(logged.event)
    }
  }
}

function isIn(namespace: string | undefined, { metadata }: ApiObject): boolean {
  return namespace === undefined || metadata.namespace === namespace
}
