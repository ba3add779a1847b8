import type { Logger } from '@edgeway/core'
import type { Answer, Handler, HandlerResult, QueryContext } from '../handler.ts'
import type { Query } from '../message.ts'
import type { CacheMetrics } from '../metrics.ts'
import { FLAG } from '../wire/header.ts'
import { rcodeOf } from '../wire/response.ts'
import { ByteLru } from './byte-lru.ts'
import { cacheKey } from './cache-key.ts'
import {
  bytesOf,
  type Entry,
  failureEntry,
  freshAnswer,
  isDueForPrefetch,
  messageEntry,
  newAnswer,
  staleAnswer,
} from './entry.ts'
import { Refresh } from './refresh.ts'
import { isAboutName, type TtlCaps, verdictOf } from './verdict.ts'

/** Names that are asked for again before they expire, at the same time: clients' own queries come first. */
const MAX_PREFETCHES = 32

/** Upstreams that answer the same names. */
export interface CacheGroup {
  /** Bounds of TTLs of their answers. */
  readonly caps: TtlCaps
}

export interface AnswerCacheOptions {
  readonly cacheBytes: number
  readonly cacheFailureTtlSeconds: number
  readonly staleSeconds: number
  readonly staleAnswerTimeoutMs: number
  readonly maxForwardedQueries: number
}

export interface AnswerCacheDeps {
  /** Answers what the cache can't; its answers of upstreams are kept. */
  readonly next: Handler
  /** Who answers a query. */
  groupOf(query: Query): CacheGroup
  readonly metrics: CacheMetrics
  readonly logger: Logger
  /** In milliseconds, from any start on, never backwards. */
  now(): number
}

/** A client's query and the key of its answer. */
interface Asked {
  readonly key: string
  readonly query: Query
  readonly context: QueryContext
}

/**
 * Answers of upstreams, kept for as long as they hold; where no upstream answers, for longer (RFC 8767). Bounded in
 * bytes. What it knows is answered at once, whatever the transport it came by.
 */
export class AnswerCache {
  readonly #options: AnswerCacheOptions
  readonly #deps: AnswerCacheDeps
  readonly #entries: ByteLru<Entry>
  readonly #refreshes = new Map<string, Refresh>()
  /** What was made of an answer that several wait for. */
  readonly #learned = new WeakMap<Answer, Answer>()
  #prefetches = 0
  /** Clients who wait for a fresh answer while there is a stale one. */
  #waiting = 0
  /** As their last answer has it. Nobody waits for upstreams that don't answer when there is a stale answer. */
  readonly #away = new WeakSet<CacheGroup>()
  /** When each last had an answer to anything. */
  readonly #answeredAt = new WeakMap<CacheGroup, number>()

  constructor(options: AnswerCacheOptions, deps: AnswerCacheDeps) {
    this.#options = options
    this.#deps = deps
    this.#entries = new ByteLru(options.cacheBytes)
  }

  readonly handle: Handler = (query, context) => {
    const asked: Asked = { key: cacheKey(query), query, context }
    const entry = this.#entries.get(asked.key)
    const now = this.#deps.now()
    if (entry === undefined || now >= entry.staleUntil) {
      this.#deps.metrics.missed()
      return this.#ask(asked)
    }
    return now < entry.expiresAt ? this.#hit(asked, entry, now) : this.#expired(asked, entry, now)
  }

  /** Resolves when nothing is asked in the background any more. Never rejects. */
  async settled(): Promise<void> {
    while (this.#refreshes.size > 0) {
      await Promise.all([...this.#refreshes.values()].map(({ finished }) => finished))
    }
  }

  #hit(asked: Asked, entry: Entry, now: number): Answer {
    entry.hits++
    this.#deps.metrics.hit(entry.kind)
    if (isDueForPrefetch(entry, now)) this.#prefetch(asked, entry)
    return freshAnswer(entry, now)
  }

  #prefetch(asked: Asked, entry: Entry): void {
    if (this.#prefetches >= MAX_PREFETCHES || this.#refreshes.has(asked.key)) return
    this.#prefetches++
    this.#deps.metrics.prefetched()
    void this.#refresh(asked, entry).finished.then(() => this.#prefetches--)
  }

  #expired(asked: Asked, entry: Entry, now: number): HandlerResult {
    if (now < entry.retryAt) return this.#stale(entry)
    const isHopeless = entry.retryAt > 0 || this.#away.has(this.#deps.groupOf(asked.query))
    const refresh = this.#refreshes.get(asked.key) ?? this.#refreshStale(asked, entry)
    if (refresh === undefined || refresh.isLate || isHopeless) return this.#stale(entry)
    if (this.#waiting >= this.#options.maxForwardedQueries) return this.#stale(entry)
    return this.#freshInTime(asked, entry, refresh)
  }

  /** Unless so many are under way that names of which nothing is known would have to stand back. */
  #refreshStale(asked: Asked, entry: Entry): Refresh | undefined {
    if (this.#refreshes.size * 2 > this.#options.maxForwardedQueries) return undefined
    return this.#refresh(asked, entry)
  }

  async #freshInTime(asked: Asked, entry: Entry, refresh: Refresh): Promise<Answer | undefined> {
    this.#waiting++
    const answer = await refresh.inTime
    this.#waiting--
    if (answer === undefined || isFailure(answer)) return this.#stale(entry)
    this.#deps.metrics.missed()
    // A raw message is for the one who asked: another may have no EDNS.
    return answer.content.kind === 'message' ? this.#ask(asked) : answer
  }

  #stale(entry: Entry): Answer {
    this.#deps.metrics.stale()
    return staleAnswer(entry, this.#deps.now())
  }

  /** Asks for the answer of an entry in the background. */
  #refresh(asked: Asked, entry: Entry): Refresh {
    const refresh = new Refresh(
      async () => this.#ask(asked),
      this.#options.staleAnswerTimeoutMs,
      (answer) => {
        this.#refreshes.delete(asked.key)
        if (answer instanceof Error)
          this.#deps.logger.error('a name could not be refreshed', { error: answer })
        else if (answer !== undefined && !isFailure(answer)) return
        entry.retryAt = this.#deps.now() + this.#options.cacheFailureTtlSeconds * 1_000
      },
    )
    this.#refreshes.set(asked.key, refresh)
    return refresh
  }

  #ask(asked: Asked): HandlerResult {
    const { query, context } = asked
    const askedAt = this.#deps.now()
    const result = this.#deps.next({ ...query, flags: query.flags | FLAG.AD }, context)
    if (result instanceof Promise)
      return result.then((answer) => answer && this.#learn(asked, answer, askedAt))
    return result
  }

  /** @returns what goes to the client */
  #learn(asked: Asked, answer: Answer, askedAt: number): Answer {
    const known = this.#learned.get(answer)
    if (known !== undefined) return known
    this.#judge(this.#deps.groupOf(asked.query), answer, askedAt)
    const learned = this.#keep(asked, answer)
    this.#learned.set(answer, learned)
    this.#deps.metrics.holds(this.#entries.size, this.#entries.bytes)
    return learned
  }

  /** Whether the group is away. Not for a name that takes too long while others are answered: anybody may have one. */
  #judge(group: CacheGroup, { rule }: Answer, askedAt: number): void {
    if (rule === 'upstream') {
      this.#away.delete(group)
      this.#answeredAt.set(group, this.#deps.now())
    }
    const answeredAt = this.#answeredAt.get(group) ?? Number.NEGATIVE_INFINITY
    if (rule === 'upstreams-failed' && answeredAt <= askedAt) this.#away.add(group)
  }

  #keep({ key, query }: Asked, answer: Answer): Answer {
    const { content, rule } = answer
    if (content.kind !== 'message') {
      // Other reasons are ours, and over in a moment.
      if (rule === 'upstreams-failed') this.#keepFailure(key, rcodeOf(content))
      return answer
    }
    const verdict = verdictOf(query, content.message, this.#deps.groupOf(query).caps)
    if (verdict.kind === 'failure') this.#keepFailure(key, rcodeOf(content))
    if (verdict.kind === 'superseding') this.#entries.delete(key)
    if (verdict.kind !== 'cacheable') return answer
    const kept = { ...verdict, content: { ...verdict.content, upstream: content.upstream } }
    this.#set(key, messageEntry(kept, this.#deps.now(), this.#options.staleSeconds))
    return newAnswer(kept.content)
  }

  /** Unless something better is known. */
  #keepFailure(key: string, rcode: number): void {
    const now = this.#deps.now()
    const former = this.#entries.get(key)
    if (former?.content !== undefined && now < former.staleUntil) return
    this.#set(key, failureEntry(rcode, now, this.#options.cacheFailureTtlSeconds))
  }

  #set(key: string, entry: Entry): void {
    this.#deps.metrics.evicted(this.#entries.set(key, entry, bytesOf(key, entry)))
  }
}

/** Whether an answer says nothing about the name. */
function isFailure({ content }: Answer): boolean {
  return !isAboutName(rcodeOf(content))
}
