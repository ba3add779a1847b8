import type { ApiObject, WatchEvent } from '../../api-double/api-object.ts'
import type { Selector } from '../../api-double/selectors.ts'
import { StatusError } from '../../api-double/status-error.ts'
import type { Faults } from '../faults/faults.ts'
import { type Place, resourceText, versionOf } from '../resource.ts'
import type { Clock } from '../time/clock.ts'
import type { EdgeStore } from './edge-store.ts'

/** Deletions that a watch can be told later, with `watchFromZero` off. */
const MAX_DELETIONS = 10_000

/** Whoever reads a watch. */
export interface WatchReader {
  /** What there is when the watch begins. */
  replay(events: readonly WatchEvent[]): void
  /** @returns `undefined`, or what to wait for because the reader does not read */
  take(event: WatchEvent): Promise<void> | undefined
}

export interface LocalWatch {
  readonly place: Place
  readonly selects: Selector
  /** Version to go on from; of use with `watchFromZero` off only. */
  readonly since: number
  readonly reader: WatchReader
}

/** A change of a row. */
export interface Change extends WatchEvent {
  readonly place: Place
}

interface OpenWatch extends LocalWatch {
  /** Changes up to this version are not told. */
  readonly deafUpTo: number
}

export interface WatchHubParts {
  readonly clock: Clock
  readonly store: EdgeStore
  readonly faults: Readonly<Faults>
  readonly watchGapMs: number
}

/** The open watches of a node: each gets rows first, then the changes that reach the node. */
export class WatchHub {
  readonly #parts: WatchHubParts
  readonly #watches = new Set<OpenWatch>()
  #deletions: Change[] = []
  /** Deletions are known after this version only. */
  #historyStart = 0
  #waiting = 0

  constructor(parts: WatchHubParts) {
    this.#parts = parts
    this.#historyStart = parts.store.latestVersion
  }

  get size(): number {
    return this.#watches.size
  }

  /** Whether a reader holds everything up. */
  get isStalled(): boolean {
    return this.#waiting > 0
  }

  /**
   * @param revision - the highest version that the node ever stored
   * @throws {StatusError} `Expired` with `watchFromZero` off, when deletions since may be unknown
   */
  open(watch: LocalWatch, revision: number): Disposable {
    const { clock, faults, watchGapMs } = this.#parts
    watch.reader.replay(this.#replay(watch))
    const open = { ...watch, deafUpTo: faults.watchDropsNextVersion ? revision + 1 : -1 }
    const start = (): void => void this.#watches.add(open)
    const gap = faults.watchGap && watchGapMs > 0 ? clock.after(watchGapMs, start) : undefined
    if (gap === undefined) start()
    return {
      [Symbol.dispose]: () => {
        gap?.[Symbol.dispose]()
        this.#watches.delete(open)
      },
    }
  }

  /** Tells all watches; resolves when every reader took it. */
  async tell(change: Change): Promise<void> {
    if (change.type === 'DELETED') this.#remember(change)
    for (const watch of [...this.#watches]) {
      const event = eventFor(watch, change)
      const held = event === undefined ? undefined : watch.reader.take(event)
      if (held === undefined) continue
      this.#waiting++
      await held
      this.#waiting--
    }
  }

  /** Forgets what was deleted, as a node that starts anew. */
  restart(): void {
    this.#deletions = []
    this.#historyStart = this.#parts.store.latestVersion
  }

  #replay({ place, selects, since }: LocalWatch): WatchEvent[] {
    const rows = this.#parts.store.list(place).filter(selects)
    if (this.#parts.faults.watchFromZero || since === 0) return rows.map(added)
    if (since < this.#historyStart)
      throw new StatusError('Expired', `too old resource version: ${since} (${this.#historyStart})`)
    const deletions = this.#deletions.filter(
      (change) => isIn(place, change.place) && selects(change.object) && versionOf(change.object) > since,
    )
    const newer = rows.filter((object) => versionOf(object) > since).map(added)
    return [...deletions.map(({ type, object }) => ({ type, object })), ...newer]
  }

  #remember(change: Change): void {
    this.#deletions.push(change)
    const forgotten = this.#deletions.length > MAX_DELETIONS ? this.#deletions.shift() : undefined
    if (forgotten !== undefined) this.#historyStart = versionOf(forgotten.object)
  }
}

function added(object: ApiObject): WatchEvent {
  return { type: 'ADDED', object }
}

function isIn(watched: Place, changed: Place): boolean {
  return (
    resourceText(watched) === resourceText(changed) &&
    (watched.namespace === undefined || watched.namespace === changed.namespace) &&
    (watched.name === undefined || watched.name === changed.name)
  )
}

/** The change as a watch sees it: what its selector loses is deleted. */
function eventFor(watch: OpenWatch, { type, object, previous, place }: Change): WatchEvent | undefined {
  if (!isIn(watch.place, place) || versionOf(object) <= watch.deafUpTo) return undefined
  if (watch.selects(object)) return { type, object }
  const isLost = type !== 'ADDED' && previous !== undefined && watch.selects(previous)
  return isLost ? { type: 'DELETED', object } : undefined
}
