import { existsSync } from 'node:fs'
import type { DatabaseSync } from 'node:sqlite'
import type { Logger } from '@edgeway/core'
import type { ReflectedObject } from '../reflector/object-set.ts'
import { batchesOf, type StoreChange } from './batches.ts'
import {
  isDamage,
  isUnwritable,
  openDatabase,
  openUnwritable,
  readDatabase,
  type StoreContent,
  setAside,
} from './database.ts'
import type { StoreAnswer } from './store-worker.ts'
import { StoreWriter } from './store-writer.ts'

export interface StoreTimes {
  /** Changes are gathered for that long: the store is behind by no more, and flash is written to once for many. */
  readonly flushMs: number
  /** A store that can't be written (a full disk) is tried again after that long. */
  readonly retryMs: number
  /** Without changes for that long, nothing is held for them. */
  readonly idleMs: number
}

const TIMES: StoreTimes = { flushMs: 500, retryMs: 30_000, idleMs: 5_000 }

const NOTHING: StoreContent = { objects: [], listed: [], damagedRows: 0 }

/**
 * What the mesh knows of the cluster, on disk: a node that starts while its source is away goes on from there. Nothing
 * that goes wrong with it stops or delays anything else.
 */
export class OfflineStore implements AsyncDisposable {
  readonly #logger: Logger
  readonly #times: StoreTimes
  /** `undefined` when nothing is written. */
  readonly #writer: StoreWriter | undefined
  /** Revision of the latest complete list of each kind. */
  readonly #listed = new Map<string, number>()
  readonly #restored = new Map<string, ReflectedObject<unknown>[]>()
  readonly #pending = new Map<string, StoreChange>()
  /** Kinds whose list is newer than the one that is written. */
  #newlyListed = new Set<string>()
  #timer: NodeJS.Timeout | undefined
  #writing: Promise<void> = Promise.resolve()
  #isFailing: boolean
  #closed: Promise<void> | undefined

  private constructor(file: string, content: StoreContent, parts: OfflineStoreParts) {
    this.#logger = parts.logger
    this.#times = parts.times
    this.#isFailing = parts.mode === 'written later'
    for (const { kind, revision } of content.listed) this.#listed.set(kind, revision)
    for (const { kind, key, uid, revision, value } of content.objects) {
      const objects = this.#restored.get(kind) ?? []
      objects.push({ key, uid, revision, value: JSON.parse(value), malformed: false })
      this.#restored.set(kind, objects)
    }
    const { idleMs } = parts.times
    this.#writer = parts.mode === 'left alone' ? undefined : new StoreWriter({ file, idleMs }, parts.logger)
  }

  /**
   * Reads what is stored. A store that can't be used is said so: a damaged or older one is set aside and begun anew, one
   * that can't be opened or is of a newer version is left alone. One that can't be written is read all the same.
   */
  static open(file: string, logger: Logger, times: StoreTimes = TIMES): OfflineStore {
    try {
      const content = contentOf(openDatabase(file))
      sayWhatWasRead(content, file, logger)
      return new OfflineStore(file, content, { logger, times, mode: 'written' })
    } catch (error) {
      const content = isUnwritable(error) ? unwritableContent(file) : undefined
      if (content !== undefined) {
        logger.warn('offline store can not be written, will retry', { file, failure: String(error) })
        sayWhatWasRead(content, file, logger)
        return new OfflineStore(file, content, { logger, times, mode: 'written later' })
      }
      logger.warn('offline store can not be used, starting without', { file, error })
      const isWritten = isDamage(error) ? canSetAside(file, logger) : !existsSync(file)
      return new OfflineStore(file, NOTHING, { logger, times, mode: isWritten ? 'written' : 'left alone' })
    }
  }

  /** Revision up to which everything of that kind is known; `undefined` when there never was a complete list. */
  listRevisionOf(kind: string): number | undefined {
    return this.#listed.get(kind)
  }

  /** Whether what is known can't be written at the moment, or at all. */
  get isFailing(): boolean {
    return this.#isFailing || !this.#isWritten
  }

  /** What is stored of a kind; to be asked for once. */
  take(kind: string): readonly ReflectedObject<unknown>[] {
    const objects = this.#restored.get(kind) ?? []
    this.#restored.delete(kind)
    return objects
  }

  /** Stores an object's value, or forgets the object when there is none; within a second. */
  note(kind: string, object: Omit<ReflectedObject<unknown>, 'malformed'>): void {
    if (!this.#isWritten || this.#closed !== undefined) return
    const { key, uid, revision, value } = object
    const row =
      value === undefined ? { kind, key } : { kind, key, uid, revision, value: JSON.stringify(value) }
    this.#pending.set(`${kind}/${key}`, row)
    this.#schedule()
  }

  /** Notes that all objects of that kind are known up to there. By itself only the first list of a kind is written. */
  noteListed(kind: string, revision: number): void {
    const isFirst = !this.#listed.has(kind)
    this.#listed.set(kind, revision)
    this.#newlyListed.add(kind)
    if (isFirst) this.#schedule()
  }

  /** Writes what is left. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed ??= this.#close()
    await this.#closed
  }

  async #close(): Promise<void> {
    await this.#writing
    if (!this.#isFailing) await this.#flush()
    clearTimeout(this.#timer)
    await this.#writer?.[Symbol.asyncDispose]()
  }

  get #isWritten(): boolean {
    return this.#writer?.isDead === false
  }

  #schedule(): void {
    if (!this.#isWritten || this.#closed !== undefined) return
    this.#timer ??= setTimeout(
      () => {
        this.#timer = undefined
        // One after the other: an answer belongs to the batch before it.
        this.#writing = this.#writing.then(() => this.#flush())
      },
      this.#isFailing ? this.#times.retryMs : this.#times.flushMs,
    )
  }

  async #flush(): Promise<void> {
    const newlyListed = [...this.#newlyListed]
    if (this.#pending.size === 0 && newlyListed.length === 0) return
    const changes = new Map(this.#pending)
    const listed = newlyListed.map((kind) => ({ kind, revision: this.#listed.get(kind) ?? 0 }))
    this.#pending.clear()
    this.#newlyListed = new Set()
    for (const batch of batchesOf([...changes.values()], listed)) {
      if (this.#writer === undefined) return
      const answer = await this.#writer.write(batch)
      this.#tell(answer)
      if (answer.failure !== undefined) {
        this.#takeBack(changes, newlyListed)
        return
      }
    }
  }

  #takeBack(changes: ReadonlyMap<string, StoreChange>, listed: readonly string[]): void {
    if (!this.#isWritten) return
    // What was noted meanwhile is newer.
    for (const [id, change] of changes) if (!this.#pending.has(id)) this.#pending.set(id, change)
    for (const kind of listed) this.#newlyListed.add(kind)
    this.#schedule()
  }

  #tell({ failure }: StoreAnswer): void {
    if (!this.#isWritten) return
    const isFailing = failure !== undefined
    if (isFailing && !this.#isFailing)
      this.#logger.warn('offline store can not be written, will retry', { failure })
    if (!isFailing && this.#isFailing) this.#logger.info('offline store is written again')
    this.#isFailing = isFailing
  }
}

interface OfflineStoreParts {
  readonly logger: Logger
  readonly times: StoreTimes
  /** `written later`: not at the moment, which was said. */
  readonly mode: 'written' | 'written later' | 'left alone'
}

function canSetAside(file: string, logger: Logger): boolean {
  try {
    setAside(file)
    return true
  } catch (error) {
    logger.warn('offline store can not be set aside; nothing is stored', { file, error })
    return false
  }
}

function contentOf(database: DatabaseSync): StoreContent {
  try {
    return readDatabase(database)
  } finally {
    database.close()
  }
}

/** @returns `undefined` when it is of no use so; why it can't be opened as usual is what matters then */
function unwritableContent(file: string): StoreContent | undefined {
  try {
    const database = openUnwritable(file)
    return database === undefined ? undefined : contentOf(database)
  } catch {
    return undefined
  }
}

function sayWhatWasRead({ objects, damagedRows }: StoreContent, file: string, logger: Logger): void {
  logger.info('offline store read', { file, objects: objects.length })
  if (damagedRows > 0) logger.warn('offline store has damaged rows, they are left out', { file, damagedRows })
}
