import type { LogFields, Logger } from '@edgeway/core'
import { RateLimit } from '../rate-limit.ts'

export type EndLogger = Pick<Logger, 'info' | 'debug' | 'isEnabled'>

/** What is logged, once each, at its end. */
export interface SampledLogOptions<Entry extends { readonly outcome: string }> {
  readonly message: string
  /** The share of all that is told at `info`, 0 to 1; below 1 at most `SAMPLE_LINES_PER_SECOND`. */
  readonly ratio: number
  /** Of these outcomes nothing is told besides: nobody has to look into them. */
  readonly ordinary: ReadonlySet<Entry['outcome']>
  /** Called only for a line that is written. */
  fieldsOf(entry: Entry): LogFields
}

export interface SampledLogDeps {
  readonly logger: EndLogger
  /** Milliseconds of a clock that never goes back. */
  readonly now: () => number
  /** At least 0, less than 1; asked once per entry. */
  readonly random: () => number
}

/** A busy node's log is for its disk to keep: of 30,000 requests a second, a hundredth would be 100 kB. */
const SAMPLE_LINES_PER_SECOND = 20
const SECOND_MS = 1_000

/** Of what did not end well, for each outcome: a flood of one must not hide another. */
const LINES_PER_MINUTE = 10
const MINUTE_MS = 60_000

/** Writes one line for each: at `info` for a sample and for those that did not end well, else at `debug`. */
export class SampledLog<Entry extends { readonly outcome: string }> {
  readonly #options: SampledLogOptions<Entry>
  readonly #deps: SampledLogDeps
  readonly #limits = new Map<Entry['outcome'], RateLimit>()
  readonly #sampleLimit = new RateLimit({ max: SAMPLE_LINES_PER_SECOND, periodMs: SECOND_MS })

  constructor(options: SampledLogOptions<Entry>, deps: SampledLogDeps) {
    this.#options = options
    this.#deps = deps
  }

  ended(entry: Entry): void {
    const { logger } = this.#deps
    const { message } = this.#options
    const leftOut = logger.isEnabled('info') ? this.#admit(entry.outcome) : undefined
    if (leftOut !== undefined) {
      const fields = this.#options.fieldsOf(entry)
      logger.info(message, leftOut === 0 ? fields : { ...fields, leftOut })
    } else if (logger.isEnabled('debug')) logger.debug(message, this.#options.fieldsOf(entry))
  }

  /** @returns how many of that outcome were left out before; `undefined`: this one is left out */
  #admit(outcome: Entry['outcome']): number | undefined {
    const { now, random } = this.#deps
    const { ratio, ordinary } = this.#options
    if (random() < ratio && (ratio === 1 || this.#sampleLimit.take(now()) !== undefined)) return 0
    return ordinary.has(outcome) ? undefined : this.#limitOf(outcome).take(now())
  }

  #limitOf(outcome: Entry['outcome']): RateLimit {
    const known = this.#limits.get(outcome)
    if (known !== undefined) return known
    const limit = new RateLimit({ max: LINES_PER_MINUTE, periodMs: MINUTE_MS })
    this.#limits.set(outcome, limit)
    return limit
  }
}
