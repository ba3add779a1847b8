import { type LogFields, type Logger, limitedWarn } from '@edgeway/core'
import type { DestinationRule } from '../mappers/destination-rule-mapper.ts'
import type { DestinationRuleIndex } from './destination-rule-index.ts'

const NOTHING: ReadonlySet<string> = new Set()
/** Of all problems that are there at one time. */
const MAX_LINES = 500
/** Of those of one namespace, which leave room for others; fewer than `limitedWarn` writes in a minute. */
const MAX_LINES_OF_NAMESPACE = 25
/** Of all rules for one Service. */
const MAX_NAMED = 4

/**
 * Names in the log what of DestinationRules is ignored: each problem once, and anew after it was gone. Each namespace has
 * its share of lines, at one time and per minute.
 */
export class DestinationRuleLog {
  readonly #logger: Logger
  readonly #rules: Pick<DestinationRuleIndex, 'rivals'>
  /** What was told, by rule, and by the Service that several are for. */
  readonly #told = new Map<string, ReadonlySet<string>>()
  readonly #serviceOf = new Map<string, string>()
  readonly #contested = new Set<string>()
  /** Of namespaces that ever had a problem: one without any now has its limit per minute still. */
  readonly #shares = new Map<string, Share>()
  readonly #warnFull: Logger['warn']
  #lines = 0

  constructor(rules: Pick<DestinationRuleIndex, 'rivals'>, logger: Logger) {
    this.#rules = rules
    this.#logger = logger
    this.#warnFull = limitedWarn(logger)
  }

  /** Takes a change of a rule that the index has taken already. */
  set(key: string, rule: DestinationRule | undefined): void {
    const before = this.#serviceOf.get(key)
    for (const service of [before, rule?.service]) if (service !== undefined) this.#contested.add(service)
    if (rule?.service === undefined) this.#serviceOf.delete(key)
    else this.#serviceOf.set(key, rule.service)
    this.#tell({ subject: `rule ${key}`, destinationRule: key }, rule?.problems ?? [])
  }

  /** To be called when all changes of one moment were taken: only then it is clear which rules are rivals. */
  tellRivals(): void {
    for (const service of this.#contested) {
      const rivals = this.#rules.rivals(service)
      const [used, ...others] = rivals
        .slice(0, 1 + MAX_NAMED)
        .map(({ namespace, name }) => `${namespace}/${name}`)
      const unnamed = rivals.length - 1 - others.length
      const listed = `${others.join(', ')}${unnamed > 0 ? ` and ${unnamed} more` : ''}`
      const problem = `${rivals.length} DestinationRules are for ${service}, ${used} is used, not ${listed}`
      this.#tell(
        { subject: `service ${service}`, destinationRule: used ?? service },
        others.length === 0 ? [] : [problem],
      )
    }
    this.#contested.clear()
  }

  #tell({ subject, destinationRule }: Subject, problems: readonly string[]): void {
    const before = this.#told.get(subject) ?? NOTHING
    if (before.size === 0 && problems.length === 0) return
    const [namespace = ''] = destinationRule.split('/')
    const share = this.#shareOf(namespace)
    this.#take(share, -before.size)
    const free = Math.min(MAX_LINES_OF_NAMESPACE - share.lines, MAX_LINES - this.#lines)
    const all = [...new Set(problems)]
    // What the limit per minute leaves out is not told: it is tried again with the rule's next change.
    const isTold = (problem: string): boolean =>
      before.has(problem) || share.warn({ destinationRule, problem })
    const now = new Set(all.slice(0, free).filter(isTold))
    this.#take(share, now.size)
    if (all.length > free) this.#sayFull(share, namespace)
    else if (now.size < free) share.isSaidFull = false
    if (now.size === 0) this.#told.delete(subject)
    else this.#told.set(subject, now)
  }

  #shareOf(namespace: string): Share {
    const share = this.#shares.get(namespace) ?? shareOf(this.#logger)
    this.#shares.set(namespace, share)
    return share
  }

  #take(share: Share, lines: number): void {
    share.lines += lines
    this.#lines += lines
  }

  #sayFull(share: Share, namespace: string): void {
    const { isSaidFull, lines: named } = share
    if (!isSaidFull)
      this.#warnFull('DestinationRules have more problems than are named', { namespace, named })
    share.isSaidFull = true
  }
}

interface Subject {
  readonly subject: string
  /** `namespace/name` */
  readonly destinationRule: string
}

/** Of the log, of a namespace. */
interface Share {
  /** What is told of problems that are there now. */
  lines: number
  isSaidFull: boolean
  /** @returns whether the line was written */
  readonly warn: (fields: LogFields) => boolean
}

function shareOf(logger: Logger): Share {
  let written = 0
  const warn = limitedWarn({
    warn: (message, fields) => {
      written++
      logger.warn(message, fields)
    },
  })
  return {
    lines: 0,
    isSaidFull: false,
    warn: (fields) => {
      const before = written
      warn('part of a DestinationRule is ignored', fields)
      return written > before
    },
  }
}
