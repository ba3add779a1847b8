import { setTimeout as delay } from 'node:timers/promises'
import {
  type ApiObject,
  type Collection,
  type ObjectList,
  type ObjectRef,
  objectKey,
  type WatchEvent,
  type Watcher,
} from './api-object.ts'
import type { ApiBackend } from './backend.ts'
import { KindLog } from './kind-log.ts'
import { apiVersionOf, KINDS, type Kind } from './kinds.ts'
import { StatusError } from './status-error.ts'

const RETRY_MS = 200
const MAX_EVENTS = 10_000
const WATCH_SECONDS = 60

/**
 * A copy of another API server, as KubeEdge's MetaServer keeps one on an edge node: reads are answered from the copy,
 * also while the other is away; writes go to the other and fail meanwhile.
 */
export class Mirror implements ApiBackend, AsyncDisposable {
  readonly #url: string
  readonly #logs = new Map<Kind, KindLog>()
  readonly #stop = new AbortController()
  readonly #running: Promise<unknown>

  private constructor(url: string) {
    this.#url = url
    this.#running = Promise.all(KINDS.map((kind) => this.#follow(kind)))
  }

  /** Returns at once; the copy fills as the other answers. */
  static start(url: string): Mirror {
    return new Mirror(url)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort()
    await this.#running
  }

  get(ref: ObjectRef): ApiObject {
    const object = this.#logs.get(ref.kind)?.get(ref)
    if (object === undefined) throw new StatusError('NotFound', `${ref.kind.plural} "${ref.name}" not found`)
    return object
  }

  list({ kind, namespace }: Collection): ObjectList {
    const log = this.#logs.get(kind)
    if (log === undefined) return { resourceVersion: undefined, items: [] }
    return { resourceVersion: String(log.latest), items: log.list(namespace) }
  }

  watch(collection: Collection, since: number | undefined, watcher: Watcher): Disposable {
    const log = this.#logs.get(collection.kind)
    if (log === undefined) throw new StatusError('Expired', 'nothing is known of this kind yet')
    return log.watch(collection, since, watcher)
  }

  create(ref: ObjectRef, object: ApiObject): Promise<ApiObject> {
    return this.#forward('POST', pathOf(ref), object)
  }

  replace(ref: ObjectRef, object: ApiObject): Promise<ApiObject> {
    return this.#forward('PUT', `${pathOf(ref)}/${ref.name}`, object)
  }

  delete(ref: ObjectRef): Promise<ApiObject> {
    return this.#forward('DELETE', `${pathOf(ref)}/${ref.name}`)
  }

  async #follow(kind: Kind): Promise<void> {
    const path = pathOf({ kind, namespace: undefined })
    while (!this.#stop.signal.aborted) {
      try {
        await this.#copy(kind, path)
      } catch {
        // The other is away, or its history broke: the copy stays as it is until the next try.
        await delay(RETRY_MS, undefined, { signal: this.#stop.signal }).catch(() => undefined)
      }
    }
  }

  /** A list, then watches from there until one fails. */
  async #copy(kind: Kind, path: string): Promise<void> {
    const { signal } = this.#stop
    const response = await fetch(`${this.#url}${path}`, { signal })
    if (!response.ok) throw new StatusError('InternalError', `list answered ${response.status}`)
    const list = (await response.json()) as {
      readonly metadata: { readonly resourceVersion: string }
      readonly items: readonly ApiObject[]
    }
    let revision = Number(list.metadata.resourceVersion)
    const log = this.#takeList(kind, list.items, revision)
    while (!signal.aborted) {
      const query = `watch=1&resourceVersion=${revision}&timeoutSeconds=${WATCH_SECONDS}`
      const watch = await fetch(`${this.#url}${path}?${query}`, { signal })
      if (!watch.ok || watch.body === null) throw new StatusError('Expired', `watch answered ${watch.status}`)
      for await (const event of eventsIn(watch.body)) revision = takeEvent(log, event)
    }
  }

  #takeList(kind: Kind, items: readonly ApiObject[], revision: number): KindLog {
    const log = this.#logs.get(kind) ?? new KindLog(0, MAX_EVENTS)
    this.#logs.set(kind, log)
    // A lower revision is another history: whoever watches has to list again.
    if (revision < log.latest) log.reset(0)
    const listed = new Set(items.map(({ metadata }) => objectKey(metadata)))
    for (const { metadata } of log.list(undefined)) {
      const key = objectKey(metadata)
      if (!listed.has(key)) log.delete(key, revision)
    }
    for (const item of [...items].sort((a, b) => revisionOf(a) - revisionOf(b))) {
      const known = log.get(item.metadata)
      if (known?.metadata.resourceVersion !== item.metadata.resourceVersion) log.set(item, revisionOf(item))
    }
    log.advance(revision)
    return log
  }

  async #forward(method: string, path: string, body?: ApiObject): Promise<ApiObject> {
    const response = await this.#send(method, path, body)
    const answer: unknown = await response.json()
    if (!response.ok) throw new StatusError(answer as { reason: string; message: string; code: number })
    return answer as ApiObject
  }

  async #send(method: string, path: string, body?: ApiObject): Promise<Response> {
    const content =
      body === undefined
        ? {}
        : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }
    try {
      return await fetch(`${this.#url}${path}`, { method, signal: this.#stop.signal, ...content })
    } catch (error) {
      throw new StatusError('InternalError', 'connection lost between EdgeCore and CloudCore', {
        cause: error,
      })
    }
  }
}

function pathOf({ kind, namespace }: Collection): string {
  const root = kind.group === '' ? `/api/${kind.version}` : `/apis/${apiVersionOf(kind)}`
  return namespace === undefined ? `${root}/${kind.plural}` : `${root}/namespaces/${namespace}/${kind.plural}`
}

async function* eventsIn(body: ReadableStream<Uint8Array>): AsyncGenerator<WatchEvent> {
  let rest = ''
  const decoder = new TextDecoder()
  for await (const chunk of body) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) if (line !== '') yield JSON.parse(line) as WatchEvent
  }
}

/** @returns the event's revision */
function takeEvent(log: KindLog, { type, object }: WatchEvent): number {
  const revision = revisionOf(object)
  switch (type) {
    case 'ADDED':
    case 'MODIFIED':
      log.set(object, revision)
      return revision
    case 'DELETED':
      log.delete(objectKey(object.metadata), revision)
      return revision
    default:
      throw new StatusError('Expired', 'the other ended the watch')
  }
}

function revisionOf({ metadata: { resourceVersion = '0' } }: ApiObject): number {
  return Number(resourceVersion)
}
