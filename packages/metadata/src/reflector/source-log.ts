import type { LogFields, Logger } from '@edgeway/core'
import type { SourceError } from '../errors.ts'
import type { ListClass } from './object-list.ts'

/** Says how the source of one kind is, once per change and never per retry. */
export class SourceLog {
  readonly #logger: Logger
  readonly #options: SourceLogOptions
  #list: ListClass | 'failed' | 'absent' | undefined
  #watchError: SourceError | undefined
  #uselessWatches = 0

  constructor(logger: Logger, options: SourceLogOptions) {
    this.#logger = logger
    this.#options = options
  }

  listed(listClass: ListClass, objects: number): void {
    if (listClass === this.#list) return
    this.#list = listClass
    if (listClass === 'authoritative') this.#logger.info('source answers', { objects })
    else this.#tell("source answers from the node's own store, trying again", { objects, listClass })
  }

  listFailed(error: SourceError): void {
    if (this.#list === 'failed') return
    this.#list = 'failed'
    this.#tell('source does not answer, trying again', { error, advice: this.#options.adviceOn(error) })
  }

  /**
   * For a kind that may be missing.
   *
   * @param error - what the source said when it was asked for it
   */
  absent(error?: SourceError): void {
    if (this.#list === 'absent') return
    this.#list = 'absent'
    this.#logger.info('source has no such kind, looking again now and then', { error })
  }

  /** A watch that breaks now and then is everyday business; `watchEnded` says if it is more. */
  watchFailed(error: SourceError): void {
    this.#watchError = error
    this.#logger.debug('watch broke, listing again', { error })
  }

  /** @param isUseful - false for a watch that ended as soon as it was open: once may be, twice is a fault */
  watchEnded(isUseful: boolean): void {
    const error = this.#watchError
    this.#watchError = undefined
    const before = this.#uselessWatches
    this.#uselessWatches = isUseful ? 0 : before + 1
    if (isUseful && before >= 2) this.#logger.info('watches last again')
    if (this.#uselessWatches === 2) this.#logger.warn('watches do not last, trying again', { error })
  }

  #tell(message: string, fields: LogFields): void {
    if (this.#options.troubleLevel === 'warn') this.#logger.warn(message, fields)
    else this.#logger.info(message, fields)
  }
}

export interface SourceLogOptions {
  /** How much it matters that the source does not answer for the cluster. */
  readonly troubleLevel: 'warn' | 'info'
  /** What the reader of the log can do about it. */
  adviceOn(error: SourceError): string | undefined
}
