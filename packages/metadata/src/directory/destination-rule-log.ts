import type { Logger } from '@edgeway/core'
import type { DestinationRule } from '../mappers/destination-rule-mapper.ts'
import type { DestinationRuleIndex } from './destination-rule-index.ts'

const NOTHING: ReadonlySet<string> = new Set()
/** Of all problems that are there at one time. */
const MAX_LINES = 500
/** Of all rules for one Service. */
const MAX_NAMED = 4

/** Names in the log what of DestinationRules is ignored: each problem once, and anew after it was gone. */
export class DestinationRuleLog {
  readonly #logger: Logger
  readonly #rules: Pick<DestinationRuleIndex, 'rivals'>
  /** What was told, by rule, and by the Service that several are for. */
  readonly #told = new Map<string, ReadonlySet<string>>()
  readonly #serviceOf = new Map<string, string>()
  readonly #contested = new Set<string>()
  #lines = 0
  #isFull = false

  constructor(rules: Pick<DestinationRuleIndex, 'rivals'>, logger: Logger) {
    this.#rules = rules
    this.#logger = logger
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
      const [used, ...others] = this.#rules
        .rivals(service)
        .map(({ namespace, name }) => `${namespace}/${name}`)
      const problem = `${others.length + 1} DestinationRules are for ${service}, ${used} is used, not ${listed(others)}`
      const subject = `service ${service}`
      if (used === undefined || others.length === 0) this.#tell({ subject, destinationRule: '' }, [])
      else this.#tell({ subject, destinationRule: used }, [problem])
    }
    this.#contested.clear()
  }

  #tell({ subject, destinationRule }: Subject, problems: readonly string[]): void {
    const before = this.#told.get(subject) ?? NOTHING
    const now = new Set<string>()
    this.#lines -= before.size
    for (const problem of new Set(problems)) {
      if (this.#lines + now.size >= MAX_LINES) {
        this.#sayFull()
        break
      }
      now.add(problem)
      if (!before.has(problem))
        this.#logger.warn('part of a DestinationRule is ignored', { destinationRule, problem })
    }
    this.#lines += now.size
    if (now.size === 0) this.#told.delete(subject)
    else this.#told.set(subject, now)
  }

  #sayFull(): void {
    if (!this.#isFull)
      this.#logger.warn('DestinationRules have more problems than are named', { named: MAX_LINES })
    this.#isFull = true
  }
}

interface Subject {
  readonly subject: string
  readonly destinationRule: string
}

function listed(names: readonly string[]): string {
  const more = names.length - MAX_NAMED
  return more > 0 ? `${names.slice(0, MAX_NAMED).join(', ')} and ${more} more` : names.join(', ')
}
