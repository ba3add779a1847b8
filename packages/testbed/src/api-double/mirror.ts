import { setTimeout as delay } from 'node:timers/promises'
import { ApiDoubleClient } from './api-double-client.ts'
import {
  type ApiObject,
  type Collection,
  type ObjectList,
  type ObjectRef,
  objectKey,
  type Watcher,
} from './api-object.ts'
import type { ApiBackend, DeleteOptions, WriteOptions } from './backend.ts'
import { KindLog } from './kind-log.ts'
import { KindRegistry } from './kind-registry.ts'
import { type Kind, type KindName, kindNamed } from './kinds.ts'
import { StatusError } from './status-error.ts'

/** Short, so that a link that died without a word is noticed soon (KubeEdge's heartbeat is 15 s). */
const WATCH_SECONDS = 10
const WATCH_DEADLINE_MS = (WATCH_SECONDS + 5) * 1000
const REQUEST_TIMEOUT_MS = 10_000
const RETRY_MS = 500
const MAX_EVENTS = 10_000

/** What agents on a node ask for. */
const MIRRORED: readonly KindName[] = ['Namespace', 'Node', 'Service', 'Endpoints', 'EndpointSlice']

export interface MirrorOptions {
  /** Base URL of the API server to copy. */
  readonly upstream: string
  /** Called when a kind's upstream is reached (`undefined`) or lost (why). */
  readonly onChange?: (kind: Kind, error: unknown) => void
}

interface Copy {
  readonly log: KindLog
  state: 'never-listed' | 'following' | 'cut-off'
}

/**
 * A copy of another API server, as KubeEdge's MetaServer keeps on a node: reads are answered from it while the
 * upstream is away too, writes go to the upstream and fail without it. What it was never told of it says nothing about:
 * until its first list a collection has no metadata.
 */
export class Mirror implements ApiBackend, AsyncDisposable {
  readonly kinds = new KindRegistry()
  readonly #client: ApiDoubleClient
  readonly #options: MirrorOptions
  readonly #copies = new Map<Kind, Copy>(
    MIRRORED.map((name) => [kindNamed(name), { log: new KindLog(0, MAX_EVENTS), state: 'never-listed' }]),
  )
  readonly #stopping = new AbortController()
  readonly #following: Promise<unknown>

  private constructor(options: MirrorOptions) {
    this.#options = options
    this.#client = new ApiDoubleClient(options.upstream)
    this.#following = Promise.all(
      this.#copies.entries().map(async ([kind, copy]) => await this.#follow(kind, copy)),
    )
  }

  /** Copies in the background; does not wait for the upstream. */
  static start(options: MirrorOptions): Mirror {
    return new Mirror(options)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping.abort()
    await this.#following
  }

  get(ref: ObjectRef): ApiObject {
    const object = this.#copy(ref.kind).log.get(objectKey(ref))
    if (object === undefined) throw new StatusError('NotFound', `${ref.kind.plural} "${ref.name}" not found`)
    return object
  }

  list({ kind, namespace }: Collection): ObjectList {
    const { log, state } = this.#copy(kind)
    const resourceVersion = state === 'never-listed' ? undefined : String(log.latest)
    return { resourceVersion, items: log.list(namespace) }
  }

  watch(collection: Collection, since: number | undefined, watcher: Watcher): Disposable {
    return this.#copy(collection.kind).log.watch(collection, since, watcher)
  }

  async create(ref: ObjectRef, object: ApiObject, options: WriteOptions = {}): Promise<ApiObject> {
    return await this.#forward(async () => await this.#client.create(ref, object, options))
  }

  async replace(ref: ObjectRef, object: ApiObject, options: WriteOptions = {}): Promise<ApiObject> {
    return await this.#forward(async () => await this.#client.replace(ref, object, options))
  }

  async delete(ref: ObjectRef, options: DeleteOptions = {}): Promise<ApiObject> {
    const object = this.get(ref)
    await this.#forward(async () => await this.#client.remove(ref, options))
    return object
  }

  async #forward<Result>(send: () => Promise<Result>): Promise<Result> {
    try {
      return await send()
    } catch (error) {
      if (error instanceof StatusError) throw error
      throw new StatusError('InternalError', 'connection lost between EdgeCore and CloudCore', {
        cause: error,
      })
    }
  }

  /** Lists and watches one kind until disposal. */
  async #follow(kind: Kind, copy: Copy): Promise<void> {
    const { signal } = this.#stopping
    while (!signal.aborted) {
      const error = await this.#followUntilCut(kind, copy)
      if (copy.state === 'following' && !signal.aborted) {
        copy.state = 'cut-off'
        this.#options.onChange?.(kind, error)
      }
      await delay(RETRY_MS, undefined, { signal }).catch(() => 'stopping: no further try')
    }
  }

  /** @returns why it ended */
  async #followUntilCut(kind: Kind, copy: Copy): Promise<unknown> {
    try {
      let since = await this.#list(kind, copy)
      for (;;) since = await this.#watch(kind, copy, since)
    } catch (error) {
      return error
    }
  }

  async #list(kind: Kind, copy: Copy): Promise<string> {
    const signal = AbortSignal.any([this.#stopping.signal, AbortSignal.timeout(REQUEST_TIMEOUT_MS)])
    const list = await this.#client.listCollection({ kind, namespace: undefined }, signal)
    if (list.resourceVersion === undefined) throw new Error('the upstream knows nothing itself')
    adopt(copy.log, list.items, Number(list.resourceVersion))
    if (copy.state !== 'following') this.#options.onChange?.(kind, undefined)
    copy.state = 'following'
    return list.resourceVersion
  }

  /** @returns the version to go on from */
  async #watch(kind: Kind, { log }: Copy, since: string): Promise<string> {
    const signal = AbortSignal.any([this.#stopping.signal, AbortSignal.timeout(WATCH_DEADLINE_MS)])
    const watching = { since, timeoutSeconds: WATCH_SECONDS, signal }
    let version = since
    for await (const { type, object } of this.#client.watch({ kind, namespace: undefined }, watching)) {
      version = object.metadata.resourceVersion ?? version
      if (type === 'DELETED') log.delete(objectKey(object.metadata), Number(version))
      else log.set(object, Number(version))
    }
    return version
  }

  #copy(kind: Kind): Copy {
    const copy = this.#copies.get(kind)
    if (copy === undefined) throw new StatusError('NotFound', `${kind.plural} are not mirrored`)
    return copy
  }
}

/** Turns a log into a list, telling its watchers what is different. */
function adopt(log: KindLog, items: readonly ApiObject[], revision: number): void {
  if (revision < log.latest) log.reset(revision)

  const known = new Map(log.list(undefined).map((object) => [objectKey(object.metadata), object]))
  const changed = items
    .filter((item) => known.get(objectKey(item.metadata))?.metadata.resourceVersion !== versionOf(item))
    .sort((a, b) => Number(versionOf(a)) - Number(versionOf(b)))
  for (const item of changed) log.set(item, Number(versionOf(item)))

  for (const item of items) known.delete(objectKey(item.metadata))
  for (const key of known.keys()) log.delete(key, revision)
  log.advance(revision)
}

function versionOf(object: ApiObject): string | undefined {
  return object.metadata.resourceVersion
}
