import { setTimeout as delay } from 'node:timers/promises'
import type { Logger } from '@edgeway/core'
import { SourceError } from './errors.ts'
import { type ApiObject, readApiObject } from './kubernetes/api-object.ts'
import { jsonLines } from './kubernetes/json-lines.ts'
import type { Transport } from './kubernetes/transport.ts'
import type { MetadataMetrics } from './metrics.ts'
import { type ObjectChanges, ObjectSet, revisionOf } from './object-set.ts'

export interface ReflectorOptions {
  /** For a whole LIST. */
  readonly listTimeoutMs: number
  /** How long the server is asked to keep a watch open; varied by a fifth, so that nodes do not march in step. */
  readonly watchTimeoutSeconds: number
  /** A complete list is asked for at least that often, whatever the watches say. */
  readonly relistIntervalMs: number
  /** Pause after a failure; doubles up to `maxRetryDelayMs`, and is varied by a fifth. */
  readonly minRetryDelayMs: number
  readonly maxRetryDelayMs: number
}

export interface ReflectedKind {
  /** Plural, as in the API's paths and in metrics. */
  readonly name: string
  /** Of the collection in the whole cluster. */
  readonly path: string
}

/** Where the objects go; called synchronously, in the order of the changes. */
export interface ReflectorSink {
  apply(changes: ObjectChanges): void
  /** After each list that tells something: an empty store on an edge node does not. */
  onListed(): void
}

export interface ReflectorDeps {
  readonly transport: Transport
  readonly sink: ReflectorSink
  readonly logger: Logger
  readonly metrics: MetadataMetrics
}

/**
 * What a LIST is worth. `authoritative`: the cluster's own, complete. `local`: what an edge node had stored.
 * `void`: an edge node that has nothing stored.
 */
type ListClass = 'authoritative' | 'local' | 'void'

interface ObjectList {
  readonly listClass: ListClass
  readonly revision: number
  readonly items: readonly ApiObject[]
}

/** A watch that stays silent so much longer than it was to last is dead. */
const WATCH_GRACE_SECONDS = 30
const JITTER = 0.2
/** Prefixes of a real `metadata.selfLink`; MetaServer puts its own key there when it answers from its store. */
const API_PREFIXES = ['/api/', '/apis/']

/**
 * Follows one kind of objects: LIST, then WATCH from there, over and over until it is stopped. Never gives up, never
 * deletes because of an answer that is not authoritative, and opens a watch only after an authoritative list.
 */
export class Reflector {
  readonly #kind: ReflectedKind
  readonly #options: ReflectorOptions
  readonly #deps: ReflectorDeps
  readonly #set = new ObjectSet()
  readonly #stop: AbortSignal
  #reachable: boolean | undefined
  #retries = 0

  private constructor(
    kind: ReflectedKind,
    options: ReflectorOptions,
    deps: ReflectorDeps & { stop: AbortSignal },
  ) {
    this.#kind = kind
    this.#options = options
    this.#deps = deps
    this.#stop = deps.stop
  }

  /** Runs until `deps.stop` aborts; then resolves. Never rejects. */
  static async run(
    kind: ReflectedKind,
    options: ReflectorOptions,
    deps: ReflectorDeps & { readonly stop: AbortSignal },
  ): Promise<void> {
    const reflector = new Reflector(kind, options, deps)
    while (!deps.stop.aborted) {
      const listed = await reflector.#attempt('list', () => reflector.#list())
      if (listed?.listClass === 'authoritative') await reflector.#watchUntilRelist(listed.revision)
      else await reflector.#pause()
    }
  }

  async #list(): Promise<ObjectList> {
    const signal = AbortSignal.any([this.#stop, AbortSignal.timeout(this.#options.listTimeoutMs)])
    const body = await this.#deps.transport.get(this.#kind.path, signal)
    const chunks: Buffer[] = []
    for await (const chunk of body) chunks.push(chunk)
    const list = readList(JSON.parse(Buffer.concat(chunks).toString('utf8')), (error) => this.#skip(error))
    this.#take(list)
    return list
  }

  #take({ listClass, revision, items }: ObjectList): void {
    if (listClass === 'authoritative') this.#apply(this.#set.replace(items, revision))
    if (listClass === 'local') this.#apply(this.#set.merge(items))
    this.#deps.metrics.lists.add({ kind: this.#kind.name, class: listClass })
    this.#deps.metrics.lastList.set({ kind: this.#kind.name }, Date.now() / 1_000)
    if (listClass !== 'void') this.#deps.sink.onListed()
  }

  /** Watches, one after the other, until a complete list is due or one of them failed. */
  async #watchUntilRelist(listRevision: number): Promise<void> {
    const relistAt = performance.now() + varied(this.#options.relistIntervalMs)
    let revision: number | undefined = listRevision
    while (revision !== undefined && performance.now() < relistAt && !this.#stop.aborted) {
      const from: number = revision
      revision = await this.#attempt('watch', () => this.#watch(from))
    }
    if (revision === undefined && !this.#stop.aborted) await this.#pause()
  }

  /** @returns the revision up to which everything is known, when the watch ended as planned */
  async #watch(from: number): Promise<number> {
    const seconds = Math.round(varied(this.#options.watchTimeoutSeconds))
    const query = `watch=1&resourceVersion=${from}&timeoutSeconds=${seconds}`
    const deadline = AbortSignal.timeout((seconds + WATCH_GRACE_SECONDS) * 1_000)
    const body = await this.#deps.transport.get(
      `${this.#kind.path}?${query}`,
      AbortSignal.any([this.#stop, deadline]),
    )
    let revision = from
    for await (const event of jsonLines(body)) revision = Math.max(revision, this.#takeEvent(event))
    return revision
  }

  /** @returns the revision of the event's object, 0 where it has none */
  #takeEvent(event: unknown): number {
    const { type, object } = event as { readonly type?: unknown; readonly object?: unknown }
    if (type === 'ERROR') throw watchError(object)
    if (type !== 'ADDED' && type !== 'MODIFIED' && type !== 'DELETED') return 0
    const read = this.#read(object)
    if (read === undefined) return 0
    if (type === 'DELETED') {
      const deleted = this.#set.delete(read)
      if (deleted !== undefined) this.#apply({ set: [], deleted: [deleted] })
    } else if (this.#set.put(read)) this.#apply({ set: [read], deleted: [] })
    return revisionOf(read)
  }

  #read(value: unknown): ApiObject | undefined {
    try {
      return readApiObject(value)
    } catch (error) {
      this.#skip(error)
      return undefined
    }
  }

  #apply(changes: ObjectChanges): void {
    this.#deps.metrics.objects.set({ kind: this.#kind.name }, this.#set.size)
    if (changes.set.length + changes.deleted.length > 0) this.#deps.sink.apply(changes)
  }

  #skip(error: unknown): void {
    this.#deps.metrics.skipped.add({ kind: this.#kind.name })
    this.#deps.logger.warn('malformed object skipped', { kind: this.#kind.name, error })
  }

  /** @returns `undefined` after a failure, which is logged only when it is news */
  async #attempt<Result>(what: 'list' | 'watch', work: () => Promise<Result>): Promise<Result | undefined> {
    const { metrics, logger, transport } = this.#deps
    const fields = { kind: this.#kind.name, source: transport.url }
    try {
      const result = await work()
      if (this.#reachable !== true) logger.info('source answers', fields)
      this.#reachable = true
      this.#retries = 0
      metrics.requests.add({ kind: this.#kind.name, request: what, outcome: 'ok' })
      return result
    } catch (error) {
      if (this.#stop.aborted) return undefined
      metrics.requests.add({ kind: this.#kind.name, request: what, outcome: 'failed' })
      // A watch that breaks is everyday business; a list that fails means that the source is away.
      if (what === 'watch') logger.debug('watch broke, listing again', { ...fields, error })
      else if (this.#reachable !== false)
        logger.warn('source does not answer, trying again', { ...fields, error })
      if (what === 'list') this.#reachable = false
      return undefined
    }
  }

  async #pause(): Promise<void> {
    const { minRetryDelayMs, maxRetryDelayMs } = this.#options
    const delayMs = Math.min(minRetryDelayMs * 2 ** this.#retries, maxRetryDelayMs)
    this.#retries += 1
    // Cut short by the stop, whose loop ends then.
    await delay(varied(delayMs), undefined, { signal: this.#stop }).catch(() => undefined)
  }
}

function readList(value: unknown, onSkipped: (error: unknown) => void): ObjectList {
  const list = value as {
    readonly metadata?: { readonly resourceVersion?: unknown; readonly selfLink?: unknown }
    readonly items?: unknown
  } | null
  if (typeof list !== 'object' || list === null || !Array.isArray(list.items))
    throw new SourceError('the answer is no list of objects')
  const items = list.items.flatMap((item): ApiObject[] => {
    try {
      return [readApiObject(item)]
    } catch (error) {
      onSkipped(error)
      return []
    }
  })
  return { listClass: classify(list.metadata), revision: Number(list.metadata?.resourceVersion ?? 0), items }
}

function classify(
  metadata: { readonly resourceVersion?: unknown; readonly selfLink?: unknown } | undefined,
): ListClass {
  const revision = metadata?.resourceVersion
  if (typeof revision !== 'string' || revision === '') return 'void'
  const { selfLink } = metadata ?? {}
  const isKey = typeof selfLink === 'string' && !API_PREFIXES.some((prefix) => selfLink.startsWith(prefix))
  return isKey ? 'local' : 'authoritative'
}

function watchError(status: unknown): SourceError {
  const { code, message } = (status ?? {}) as { readonly code?: unknown; readonly message?: unknown }
  return new SourceError(`the watch ended: ${String(message)}`, typeof code === 'number' ? code : undefined)
}

function varied(value: number): number {
  return value * (1 - JITTER + 2 * JITTER * Math.random())
}
