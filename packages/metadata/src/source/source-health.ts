import type { ListClass } from '../reflector/object-list.ts'

/** What the source was worth when it was last asked; `unknown` before the first answer. */
export type SourceState = ListClass | 'unreachable' | 'unknown'

/**
 * Whether the source speaks for the cluster now. Each answer says something about it; what anybody needs to know is
 * when that changes: nothing of the source can be trusted to be present while it is stale, and everything that was
 * opened before is to be opened anew once it is not.
 */
export class SourceHealth {
  readonly #listeners = new Set<(isStale: boolean) => void>()
  #state: SourceState = 'unknown'
  #authoritativeAt: number | undefined
  /** When the question was asked whose answer counts. */
  #askedAt = Number.NEGATIVE_INFINITY
  #recovery = new AbortController()
  readonly #now: () => number

  /** @param now - milliseconds of a clock that never jumps */
  constructor(now: () => number) {
    this.#now = now
  }

  get state(): SourceState {
    return this.#state
  }

  get isStale(): boolean {
    return this.#state !== 'authoritative'
  }

  /** Seconds since the source last spoke for the cluster; `undefined` when it never did. */
  get secondsSinceAuthoritative(): number | undefined {
    return this.#authoritativeAt === undefined ? undefined : (this.#now() - this.#authoritativeAt) / 1_000
  }

  /** Aborts when the source next speaks for the cluster again after it did not. */
  get recovered(): AbortSignal {
    return this.#recovery.signal
  }

  /** The present, by the clock that `report` goes by. */
  now(): number {
    return this.#now()
  }

  /**
   * Takes what an answer was worth. One that comes after the answer to a later question tells nothing of the present.
   *
   * @param askedAt - as `now` was then
   */
  report(state: Exclude<SourceState, 'unknown'>, askedAt = this.#now()): void {
    if (askedAt < this.#askedAt) return
    this.#askedAt = askedAt
    const wasStale = this.isStale
    const isFirst = this.#state === 'unknown'
    this.#state = state
    if (state === 'authoritative') this.#authoritativeAt = this.#now()
    if (this.isStale === wasStale && !isFirst) return
    for (const listener of this.#listeners) listener(this.isStale)
    if (!wasStale || this.isStale || isFirst) return
    const recovery = this.#recovery
    this.#recovery = new AbortController()
    recovery.abort()
  }

  /** Calls `listener` when the source becomes stale or ceases to be so, and after the first answer. */
  watch(listener: (isStale: boolean) => void): Disposable {
    const watcher = (isStale: boolean): void => listener(isStale)
    this.#listeners.add(watcher)
    return { [Symbol.dispose]: () => void this.#listeners.delete(watcher) }
  }
}
