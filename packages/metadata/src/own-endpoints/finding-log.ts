import type { Logger } from '@edgeway/core'
import type { Findings } from './findings.ts'

/** Of a hundred endpoints that die at once, the first ones tell enough. */
const MAX_NAMED = 10
/** An endpoint that comes and goes with each round must not fill the log. */
const QUIET_MS = 60_000

type Change = 'died' | 'returned' | 'moved'

/** Says which endpoints died, came back or moved: once a minute at most for each of the three. */
export class FindingLog {
  readonly #logger: Logger
  readonly #now: () => number
  /** When a change was said last, and how many endpoints have changed so since without a word. */
  readonly #said = new Map<Change, { readonly at: number; unsaid: number }>()

  /** @param now - in milliseconds, from any fixed point */
  constructor(logger: Logger, now: () => number) {
    this.#logger = logger
    this.#now = now
  }

  changed(before: Findings, after: Findings): void {
    const died = newIn(after.dead, before.dead)
    this.#say('died', died, (fields) => this.#logger.warn('own endpoints do not answer', fields))
    const returned = [...before.dead.keys()].filter((text) => !after.dead.has(text))
    this.#say('returned', returned, (fields) => this.#logger.info('own endpoints answer again', fields))
    const moved = newIn(after.moved, before.moved)
    this.#say('moved', moved, (fields) =>
      this.#logger.info('pods of own endpoints have other addresses than stored', fields),
    )
  }

  #say(
    change: Change,
    endpoints: readonly string[],
    line: (fields: Readonly<Record<string, unknown>>) => void,
  ): void {
    if (endpoints.length === 0) return
    const last = this.#said.get(change)
    if (last !== undefined && this.#now() - last.at < QUIET_MS) {
      last.unsaid += endpoints.length
      return
    }
    const unsaid = last === undefined || last.unsaid === 0 ? {} : { unsaidBefore: last.unsaid }
    line({ count: endpoints.length, endpoints: endpoints.slice(0, MAX_NAMED), ...unsaid })
    this.#said.set(change, { at: this.#now(), unsaid: 0 })
  }
}

function newIn(after: ReadonlyMap<string, string>, before: ReadonlyMap<string, string>): string[] {
  return [...after].filter(([key, text]) => before.get(key) !== text).map(([, text]) => text)
}
