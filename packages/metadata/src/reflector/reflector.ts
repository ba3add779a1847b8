import { setTimeout as delay } from 'node:timers/promises'
import { SourceError } from '../errors.ts'
import { jsonLines } from '../kubernetes/json-lines.ts'
import { adviceOn } from '../source/advice.ts'
import type { Source } from '../source/source.ts'
import type { SourceHealth } from '../source/source-health.ts'
import type { SourceProbe } from '../source/source-probe.ts'
import { varied } from '../source/varied.ts'
import { type KindList, KindLists } from './kind-lists.ts'
import { isListable, type ListClass } from './object-list.ts'
import type { ReflectedKind } from './reflected-kind.ts'
import {
  ReflectedObjects,
  type ReflectedObjectsDeps,
  type ReflectedObjectsStatus,
} from './reflected-objects.ts'
import { SourceLog } from './source-log.ts'
import { bookmarkRevision, watchError } from './watch-event.ts'

export interface ReflectorOptions {
  /** For a whole LIST, and for the first sign of life of a WATCH. */
  readonly listTimeoutMs: number
  /** How long the server is asked to keep a watch open; varied by a fifth, so that nodes do not march in step. */
  readonly watchTimeoutSeconds: number
  /** After that time comes a complete list, whatever the watches said; varied by a fifth. */
  readonly relistIntervalMs: number
  /** Pause after a failure; doubles up to `maxRetryDelayMs`, and is varied by a fifth. */
  readonly minRetryDelayMs: number
  readonly maxRetryDelayMs: number
}

export interface ReflectorDeps<Value> extends ReflectedObjectsDeps<Value> {
  readonly source: Source
  readonly health: SourceHealth
  readonly probe: Pick<SourceProbe, 'ask'>
  /** After each list that tells something: an empty store on an edge node does not. */
  onListed(): void
  /** When the source speaks for the cluster, but not of this kind; or when it spoils its objects. */
  onUnreliable(): void
  /** As `AbortSignal.timeout`. */
  timeout(ms: number): AbortSignal
  readonly stop: AbortSignal
}

/** How one kind is known, for /statusz. */
export interface ReflectorStatus extends ReflectedObjectsStatus {
  /** What its last list was worth; `absent`: the cluster has no such kind; `undefined` before the first one. */
  readonly lastList: ListClass | 'absent' | 'failed' | undefined
  /** `undefined` when there never was one. */
  readonly secondsSinceAuthoritativeList: number | undefined
}

/** A watch that lives so much longer than it was to last is dead. */
const WATCH_GRACE_SECONDS = 30
/** What the source says of a kind that it does not have, or that the mesh may not read. */
const UNAVAILABLE: readonly (number | undefined)[] = [403, 404]

/**
 * Follows one kind of objects: LIST, then WATCH from there, over and over until it is stopped. Never gives up, never
 * deletes because of an answer that is not authoritative, and opens a watch only after an authoritative list: a watch of
 * a kind that is not there would end KubeEdge's cloudcore.
 */
export class Reflector<Value> {
  readonly #kind: ReflectedKind<Value>
  readonly #options: ReflectorOptions
  readonly #deps: ReflectorDeps<Value>
  readonly #objects: ReflectedObjects<Value>
  readonly #log: SourceLog
  readonly #lists: KindLists
  #listAskedAt = 0
  #lastList: ReflectorStatus['lastList']
  #authoritativeAt: number | undefined
  #retries = 0

  constructor(kind: ReflectedKind<Value>, options: ReflectorOptions, deps: ReflectorDeps<Value>) {
    const { source } = deps
    const logger = deps.logger.child({ kind: kind.name, source: source.transport.url })
    this.#kind = kind
    this.#options = options
    this.#deps = deps
    this.#lists = new KindLists(kind, source)
    // Kinds that every cluster has say loudly enough that the source is away.
    const troubleLevel = kind.definition === undefined ? 'warn' : 'info'
    this.#log = new SourceLog(logger, { troubleLevel, adviceOn: (error) => adviceOn(error, source.config) })
    this.#objects = new ReflectedObjects(kind, { ...deps, logger })
  }

  get status(): ReflectorStatus {
    const at = this.#authoritativeAt
    return {
      ...this.#objects.status,
      lastList: this.#lastList,
      secondsSinceAuthoritativeList: at === undefined ? undefined : (performance.now() - at) / 1_000,
    }
  }

  /** Begins with what an earlier process stored. */
  restore(): void {
    if (this.#objects.restore()) this.#deps.onListed()
  }

  /** Runs until `deps.stop` aborts; then resolves. Rejects with what its listeners throw, and nothing else. */
  async run(): Promise<void> {
    const { stop, health } = this.#deps
    while (!stop.aborted) {
      const { recovered } = health
      const listed = await this.#attempt('list', recovered, async () => await this.#list())
      // The list itself may be what told that the source came back.
      if (listed?.isAbsent === true) await this.#rest(this.#options.relistIntervalMs, health.recovered)
      else if (listed?.listClass === 'authoritative')
        await this.#watchUntilRelist(listed.revision, health.recovered)
      else await this.#pause(recovered)
    }
  }

  async #list(): Promise<KindList> {
    const { stop, timeout } = this.#deps
    const signal = AbortSignal.any([stop, timeout(this.#options.listTimeoutMs)])
    this.#listAskedAt = this.#deps.health.now()
    const list = await this.#lists.list(signal)
    this.#take(list)
    await this.#checkReliability(list.listClass)
    return list
  }

  #take(list: KindList): void {
    const { metrics, onListed, health } = this.#deps
    const { name, judgesSource } = this.#kind
    const { listClass, isAbsent } = list
    this.#objects.takeList(list)
    if (listClass === 'authoritative') {
      this.#authoritativeAt = performance.now()
      metrics.lastList.set({ kind: name }, Date.now() / 1_000)
    }
    this.#lastList = isAbsent ? 'absent' : listClass
    if (judgesSource === true) health.report(listClass, this.#listAskedAt)
    metrics.lists.add({ kind: name, class: listClass })
    if (isAbsent) this.#log.absent()
    else this.#log.listed(listClass, this.#objects.size)
    if (listClass !== 'void') onListed()
  }

  /** A list that is not the cluster's means that the cloud is away, or that the cluster has nothing to say of the kind. */
  async #checkReliability(listClass: ListClass): Promise<void> {
    const { health, probe, onUnreliable } = this.#deps
    if (this.#objects.areSpoilt) onUnreliable()
    if (listClass === 'authoritative' || health.isStale) return
    await probe.ask()
    if (!health.isStale) onUnreliable()
  }

  /** Watches, one after the other, until a complete list is due, one of them failed or the source came back. */
  async #watchUntilRelist(listRevision: number, recovered: AbortSignal): Promise<void> {
    const relistAt = performance.now() + varied(this.#options.relistIntervalMs)
    let revision = await this.#watchOnce(listRevision, relistAt, recovered)
    while (revision !== undefined && performance.now() < relistAt && (await this.#mayWatch()))
      revision = await this.#watchOnce(revision, relistAt, recovered)
  }

  /** @returns the revision to watch on from; `undefined` when there is to be a list first */
  async #watchOnce(from: number, relistAt: number, recovered: AbortSignal): Promise<number | undefined> {
    const startedAt = performance.now()
    const maxSeconds = (relistAt - startedAt) / 1_000
    const watch = async (): Promise<number> => await this.#watch(from, maxSeconds, recovered)
    const revision = await this.#attempt('watch', recovered, watch)
    if (this.#deps.stop.aborted || recovered.aborted) return undefined
    // A watch that ends at once is of no use, however politely it ends.
    const isUseful = performance.now() - startedAt >= this.#options.minRetryDelayMs
    if (isUseful) this.#retries = 0
    this.#log.watchEnded(isUseful)
    if (revision === undefined || !isUseful) await this.#pause(recovered)
    return revision
  }

  /** What could be listed when it was may be gone by now, or not allowed any more. */
  async #mayWatch(): Promise<boolean> {
    const { source, stop, timeout } = this.#deps
    if (!source.isHarmedByWatches) return true
    const signal = AbortSignal.any([stop, timeout(this.#options.listTimeoutMs)])
    return await isListable(source, this.#lists.path, signal)
  }

  /** @returns the revision up to which everything is known, when the watch ended as planned */
  async #watch(from: number, maxSeconds: number, recovered: AbortSignal): Promise<number> {
    const { timeout, stop, source } = this.#deps
    const seconds = Math.max(1, Math.ceil(Math.min(varied(this.#options.watchTimeoutSeconds), maxSeconds)))
    const bookmarks = source.hasBookmarks ? '&allowWatchBookmarks=true' : ''
    const query = `watch=1&resourceVersion=${from}&timeoutSeconds=${seconds}${bookmarks}`
    const signal = AbortSignal.any([stop, recovered, timeout((seconds + WATCH_GRACE_SECONDS) * 1_000)])
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
      const path = `${this.#lists.path}?${query}`
      return await this.#deps.source.transport.get(path, AbortSignal.any([signal, late.signal]))
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
    if (type === 'BOOKMARK') return bookmarkRevision(object)
    if (type !== 'ADDED' && type !== 'MODIFIED' && type !== 'DELETED') return 0
    return this.#objects.takeEvent(type, object)
  }

  /** @returns `undefined` after a failure of the source */
  async #attempt<Result>(
    what: 'list' | 'watch',
    recovered: AbortSignal,
    work: () => Promise<Result>,
  ): Promise<Result | undefined> {
    const { metrics, stop } = this.#deps
    try {
      const result = await work()
      metrics.requests.add({ kind: this.#kind.name, request: what, outcome: 'ok' })
      return result
    } catch (error) {
      if (!(error instanceof SourceError)) throw error
      // A watch that was cut off to be opened anew has not failed.
      if (stop.aborted || (what === 'watch' && recovered.aborted)) return undefined
      metrics.requests.add({ kind: this.#kind.name, request: what, outcome: 'failed' })
      if (what === 'list') this.#listFailed(error)
      else this.#log.watchFailed(error)
      return undefined
    }
  }

  #listFailed(error: SourceError): void {
    const { optional, judgesSource } = this.#kind
    const isUnavailable = UNAVAILABLE.includes(error.status)
    this.#lastList = 'failed'
    if (judgesSource === true) this.#deps.health.report('unreachable', this.#listAskedAt)
    if (optional === true && isUnavailable) this.#log.absent(error)
    else this.#log.listFailed(error)
    if (isUnavailable) this.#deps.onUnreliable()
  }

  /** Waits longer each time, unless the source comes back meanwhile. */
  async #pause(recovered: AbortSignal): Promise<void> {
    const { minRetryDelayMs, maxRetryDelayMs } = this.#options
    const delayMs = Math.min(minRetryDelayMs * 2 ** this.#retries, maxRetryDelayMs)
    this.#retries += 1
    await this.#rest(delayMs, recovered)
    if (recovered.aborted) this.#retries = 0
  }

  /** Waits about so long, or until the source comes back. */
  async #rest(ms: number, recovered: AbortSignal): Promise<void> {
    const signal = AbortSignal.any([this.#deps.stop, recovered])
    // Cut short: its loop looks why.
    await delay(varied(ms), undefined, { signal }).catch(() => undefined)
  }
}
