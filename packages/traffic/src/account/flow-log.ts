import type { Logger } from '@edgeway/core'
import { RateLimit } from '../rate-limit.ts'
import { type FlowOutcome, type FlowRecord, flowLogFields } from './flow-record.ts'

export type FlowLogger = Pick<Logger, 'info' | 'debug' | 'isEnabled'>

export interface FlowLogOptions {
  /** The share of flows that are told at `info`, 0 to 1; those that did not end well are told besides, within limits. */
  readonly flowLogSampleRatio: number
}

export interface FlowLogDeps {
  readonly logger: FlowLogger
  /** Milliseconds of a clock that never goes back. */
  readonly now: () => number
  /** At least 0, less than 1; asked once per flow. */
  readonly random: () => number
}

/** Nobody has to look into these: clients of syslog and the like never get an answer. */
const ORDINARY: ReadonlySet<FlowOutcome> = new Set<FlowOutcome>(['completed', 'no-answer'])

/** Of flows that did not end well, for each outcome: a flood of one must not hide another. */
const LINES_PER_MINUTE = 10
const MINUTE_MS = 60_000

/** Writes one line per flow: at `info` for a sample and for those that did not end well, else at `debug`. */
export class FlowLog {
  readonly #options: FlowLogOptions
  readonly #deps: FlowLogDeps
  readonly #limits = new Map<FlowOutcome, RateLimit>()

  constructor(options: FlowLogOptions, deps: FlowLogDeps) {
    this.#options = options
    this.#deps = deps
  }

  ended(record: FlowRecord): void {
    const { logger } = this.#deps
    const leftOut = logger.isEnabled('info') ? this.#admit(record.outcome) : undefined
    if (leftOut !== undefined) {
      const fields = flowLogFields(record)
      logger.info('flow ended', leftOut === 0 ? fields : { ...fields, leftOut })
    } else if (logger.isEnabled('debug')) logger.debug('flow ended', flowLogFields(record))
  }

  /** @returns how many of that outcome were left out before; `undefined`: this one is left out */
  #admit(outcome: FlowOutcome): number | undefined {
    const { now, random } = this.#deps
    const isSampled = random() < this.#options.flowLogSampleRatio
    if (isSampled) return 0
    return ORDINARY.has(outcome) ? undefined : this.#limitOf(outcome).take(now())
  }

  #limitOf(outcome: FlowOutcome): RateLimit {
    const known = this.#limits.get(outcome)
    if (known !== undefined) return known
    const limit = new RateLimit({ max: LINES_PER_MINUTE, periodMs: MINUTE_MS })
    this.#limits.set(outcome, limit)
    return limit
  }
}
