import { setTimeout as delay } from 'node:timers/promises'
import type { Logger } from '@edgeway/core'
import { MalformedObjectError, SourceError } from './errors.ts'
import { type ApiObject, readApiObject, readIdentity } from './kubernetes/api-object.ts'
import { jsonLines } from './kubernetes/json-lines.ts'
import type { Transport } from './kubernetes/transport.ts'
import type { MetadataMetrics } from './metrics.ts'
import { type ObjectList, readList } from './object-list.ts'
import { type ObjectChange, type ObjectIdentity, ObjectSet, type ReflectedObject } from './object-set.ts'
import { SourceLog } from './source-log.ts'
import type { OfflineStore } from './store/offline-store.ts'

export interface ReflectorOptions {
  /** For a whole LIST, and for the first sign of life of a WATCH. */
  readonly listTimeoutMs: number
  /** How long the server is asked to keep a watch open; varied by a fifth, so that nodes do not march in step. */
  readonly watchTimeoutSeconds: number
  /** The first watch that ends after that time is followed by a complete list, whatever the watches said. */
  readonly relistIntervalMs: number
  /** Pause after a failure; doubles up to `maxRetryDelayMs`, and is varied by a fifth. */
  readonly minRetryDelayMs: number
  readonly maxRetryDelayMs: number
}

export interface ReflectedKind<Value> {
  /** Plural, as in the API's paths and in metrics. */
  readonly name: string
  /** Of the collection in the whole cluster. */
  readonly path: string
  /**
   * What is kept of an object; `undefined` for one that is of no concern.
   *
   * @throws {MalformedObjectError}
   */
  map(object: ApiObject): Value | undefined
}

export interface ReflectorDeps<Value> {
  readonly transport: Transport
  /** Called synchronously, in the order of the changes. */
  onChange(change: ObjectChange<Value>): void
  /** After each list that tells something: an empty store on an edge node does not. */
  onListed(): void
  /** What is known on disk, and where changes go. */
  readonly store?: OfflineStore | undefined
  readonly logger: Logger
  readonly metrics: MetadataMetrics
  /** As `AbortSignal.timeout`. */
  timeout(ms: number): AbortSignal
  readonly stop: AbortSignal
}

/** A watch that lives so much longer than it was to last is dead. */
const WATCH_GRACE_SECONDS = 30
const JITTER = 0.2
/** In place of a key. */
const NAMELESS = ''

/**
 * Follows one kind of objects: LIST, then WATCH from there, over and over until it is stopped. Never gives up, never
 * deletes because of an answer that is not authoritative, and opens a watch only after an authoritative list.
 */
export class Reflector<Value> {
  readonly #kind: ReflectedKind<Value>
  readonly #options: ReflectorOptions
  readonly #deps: ReflectorDeps<Value>
  readonly #set = new ObjectSet<Value>()
  readonly #log: SourceLog
  /** The malformed objects that were named in the log already, with their revision; all nameless ones count as one. */
  readonly #named = new Map<string, number>()
  #retries = 0

  private constructor(kind: ReflectedKind<Value>, options: ReflectorOptions, deps: ReflectorDeps<Value>) {
    this.#kind = kind
    this.#options = options
    this.#deps = deps
    this.#log = new SourceLog(deps.logger.child({ kind: kind.name, source: deps.transport.url }))
  }

  /** Runs until `deps.stop` aborts; then resolves. Rejects with what `onChange` or `onListed` throw, and nothing else. */
  static async run<Value>(
    kind: ReflectedKind<Value>,
    options: ReflectorOptions,
    deps: ReflectorDeps<Value>,
  ): Promise<void> {
    const reflector = new Reflector(kind, options, deps)
    reflector.#restore()
    while (!deps.stop.aborted) {
      const listed = await reflector.#attempt('list', async () => await reflector.#list())
      if (listed?.listClass === 'authoritative') await reflector.#watchUntilRelist(listed.revision)
      else await reflector.#pause()
    }
  }

  /** Begins with what an earlier process stored. What it stored it had mapped itself. */
  #restore(): void {
    const { store, onListed } = this.#deps
    if (store === undefined) return
    const objects = store.take(this.#kind.name) as readonly ReflectedObject<Value>[]
    for (const change of this.#set.merge(objects)) this.#deps.onChange(change)
    this.#showSize()
    if (store.hasListOf(this.#kind.name)) onListed()
  }

  async #list(): Promise<ObjectList> {
    const signal = AbortSignal.any([this.#deps.stop, this.#deps.timeout(this.#options.listTimeoutMs)])
    const list = await readList(await this.#deps.transport.get(this.#kind.path, signal))
    this.#take(list)
    return list
  }

  #take({ listClass, revision, items }: ObjectList): void {
    const { metrics, onListed } = this.#deps
    const objects = items.flatMap((item) => this.#read(item))
    if (listClass === 'authoritative') {
      this.#apply(this.#set.replace(objects, revision))
      this.#forgetNamesOfGone()
      this.#deps.store?.noteListed(this.#kind.name)
    }
    if (listClass === 'local') this.#apply(this.#set.merge(objects))
    metrics.lists.add({ kind: this.#kind.name, class: listClass })
    metrics.lastList.set({ kind: this.#kind.name }, Date.now() / 1_000)
    this.#log.listed(listClass, this.#set.size)
    if (listClass !== 'void') onListed()
  }

  /** Watches, one after the other, until a complete list is due or one of them failed. */
  async #watchUntilRelist(listRevision: number): Promise<void> {
    const relistAt = performance.now() + varied(this.#options.relistIntervalMs)
    let revision: number | undefined = listRevision
    while (revision !== undefined && performance.now() < relistAt) {
      const from: number = revision
      const startedAt = performance.now()
      revision = await this.#attempt('watch', async () => await this.#watch(from))
      if (this.#deps.stop.aborted) return
      // A watch that ends at once is of no use, however politely it ends.
      const isUseful = performance.now() - startedAt >= this.#options.minRetryDelayMs
      if (isUseful) this.#retries = 0
      this.#log.watchEnded(isUseful)
      if (revision === undefined || !isUseful) await this.#pause()
    }
  }

  /** @returns the revision up to which everything is known, when the watch ended as planned */
  async #watch(from: number): Promise<number> {
    const { timeout, stop } = this.#deps
    const seconds = Math.max(1, Math.round(varied(this.#options.watchTimeoutSeconds)))
    const query = `watch=1&resourceVersion=${from}&timeoutSeconds=${seconds}`
    const signal = AbortSignal.any([stop, timeout((seconds + WATCH_GRACE_SECONDS) * 1_000)])
    let revision = from
    for await (const event of jsonLines(await this.#open(query, signal))) {
      revision = Math.max(revision, this.#takeEvent(event))
    }
    return revision
  }

  async #open(query: string, signal: AbortSignal): Promise<AsyncIterable<Buffer>> {
    const late = new AbortController()
    const abort = (): void => late.abort(new Error(`no answer within ${this.#options.listTimeoutMs} ms`))
    const timer = setTimeout(abort, this.#options.listTimeoutMs)
    try {
      const path = `${this.#kind.path}?${query}`
      return await this.#deps.transport.get(path, AbortSignal.any([signal, late.signal]))
    } finally {
      clearTimeout(timer)
    }
  }

  /**
   * @returns the revision of the event's object, 0 where it has none
   * @throws {SourceError} for an ERROR event
   */
  #takeEvent(event: unknown): number {
    const { type, object } = (event ?? {}) as { readonly type?: unknown; readonly object?: unknown }
    if (type === 'ERROR') throw watchError(object)
    if (type !== 'ADDED' && type !== 'MODIFIED' && type !== 'DELETED') return 0
    const [read] = this.#read(object)
    if (read === undefined) return 0
    this.#apply(type === 'DELETED' ? this.#set.delete(read) : this.#set.put(read))
    return read.revision
  }

  #apply(changes: readonly ObjectChange<Value>[]): void {
    for (const change of changes) {
      this.#deps.onChange(change)
      const { uid = '', revision = 0 } = this.#set.get(change.key) ?? {}
      this.#deps.store?.note(this.#kind.name, { ...change, uid, revision })
    }
    this.#showSize()
  }

  #showSize(): void {
    this.#deps.metrics.objects.set({ kind: this.#kind.name }, this.#set.size)
  }

  /** @returns nothing for what has not even a name; a malformed object only as far as it can be read */
  #read(value: unknown): ReflectedObject<Value>[] {
    let identity: ObjectIdentity | undefined
    try {
      identity = readIdentity(value)
      const mapped = this.#kind.map(readApiObject(value))
      this.#named.delete(identity.key)
      return [{ ...identity, value: mapped, malformed: false }]
    } catch (error) {
      if (!(error instanceof MalformedObjectError)) throw error
      this.#skip(identity, error)
      return identity === undefined ? [] : [{ ...identity, value: undefined, malformed: true }]
    }
  }

  #skip(identity: ObjectIdentity | undefined, error: MalformedObjectError): void {
    this.#deps.metrics.skipped.add({ kind: this.#kind.name })
    const { key = NAMELESS, revision = 0 } = identity ?? {}
    if (this.#named.get(key) === revision) return
    this.#named.set(key, revision)
    this.#deps.logger.warn('malformed object skipped', {
      kind: this.#kind.name,
      object: identity?.key,
      error,
    })
  }

  #forgetNamesOfGone(): void {
    for (const key of this.#named.keys())
      if (key !== NAMELESS && this.#set.get(key) === undefined) this.#named.delete(key)
  }

  /** @returns `undefined` after a failure of the source */
  async #attempt<Result>(what: 'list' | 'watch', work: () => Promise<Result>): Promise<Result | undefined> {
    const { metrics, stop } = this.#deps
    try {
      const result = await work()
      metrics.requests.add({ kind: this.#kind.name, request: what, outcome: 'ok' })
      return result
    } catch (error) {
      if (!(error instanceof SourceError)) throw error
      if (stop.aborted) return undefined
      metrics.requests.add({ kind: this.#kind.name, request: what, outcome: 'failed' })
      if (what === 'list') this.#log.listFailed(error)
      else this.#log.watchFailed(error)
      return undefined
    }
  }

  async #pause(): Promise<void> {
    const { minRetryDelayMs, maxRetryDelayMs } = this.#options
    const delayMs = Math.min(minRetryDelayMs * 2 ** this.#retries, maxRetryDelayMs)
    this.#retries += 1
    // Cut short by the stop, whose loop ends then.
    await delay(varied(delayMs), undefined, { signal: this.#deps.stop }).catch(() => undefined)
  }
}

function watchError(status: unknown): SourceError {
  const { code, message } = (status ?? {}) as { readonly code?: unknown; readonly message?: unknown }
  return new SourceError(`the watch ended: ${String(message)}`, typeof code === 'number' ? code : undefined)
}

function varied(value: number): number {
  return value * (1 - JITTER + 2 * JITTER * Math.random())
}
