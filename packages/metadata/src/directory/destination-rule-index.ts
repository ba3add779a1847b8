import type { DestinationPolicy } from '@edgeway/core'
import type { DestinationRule } from '../mappers/destination-rule-mapper.ts'

const NO_RULES: readonly DestinationRule[] = []
const NO_KEYS: ReadonlySet<string> = new Set()

/**
 * Which DestinationRule is for which Service: one whose host stands for it, else the one of its name, as EdgeMesh has it.
 * Only rules of the Service's own namespace count: nobody limits the Services of others. Of several the oldest does, then
 * the alphabet.
 */
export class DestinationRuleIndex {
  readonly #rules = new Map<string, DestinationRule>()
  /** By the Service that their hosts stand for, the one that counts first. */
  readonly #byHost = new Map<string, DestinationRule[]>()
  /** Keys of rules that go by their names only while there is not a certain Service: by that one. */
  readonly #dependents = new Map<string, Set<string>>()

  /**
   * @param key - `namespace/name` of the rule
   * @param rule - `undefined`: there is none of that name any more
   * @returns the Services that it may touch
   */
  set(key: string, rule: DestinationRule | undefined): ReadonlySet<string> {
    const before = this.#rules.get(key)
    if (before !== undefined) this.#forget(key, before)
    if (rule !== undefined && !isForeign(rule)) this.#add(key, rule)
    return new Set([key, before?.service, rule?.service].filter((service) => service !== undefined))
  }

  /**
   * @param service - `namespace/name`
   * @param exists - whether there is a Service of that `namespace/name`
   */
  policyOf(service: string, exists: (service: string) => boolean): DestinationPolicy | undefined {
    const [first] = this.rivals(service)
    return (first ?? this.#namesake(service, exists))?.policy
  }

  /** All rules whose hosts stand for a Service, and that may, as of now; the first one counts. */
  rivals(service: string): readonly DestinationRule[] {
    return this.#byHost.get(service) ?? NO_RULES
  }

  /** Services that are touched when one comes or goes: of the names of rules whose host is that one. */
  dependents(service: string): ReadonlySet<string> {
    return this.#dependents.get(service) ?? NO_KEYS
  }

  /** A rule whose host is another Service that exists is for that one only. */
  #namesake(service: string, exists: (service: string) => boolean): DestinationRule | undefined {
    const rule = this.#rules.get(service)
    if (rule?.goesByName !== true) return undefined
    return rule.service !== undefined && exists(rule.service) ? undefined : rule
  }

  #add(key: string, rule: DestinationRule): void {
    this.#rules.set(key, rule)
    const { service } = rule
    if (service === undefined) return
    const hosted = this.#byHost.get(service) ?? []
    hosted.splice(placeOf(rule, hosted), 0, rule)
    this.#byHost.set(service, hosted)
    if (!rule.goesByName || service === key) return
    this.#dependents.set(service, (this.#dependents.get(service) ?? new Set<string>()).add(key))
  }

  #forget(key: string, rule: DestinationRule): void {
    this.#rules.delete(key)
    const { service } = rule
    if (service === undefined) return
    const hosted = this.#byHost.get(service) ?? []
    hosted.splice(placeOf(rule, hosted), 1)
    if (hosted.length === 0) this.#byHost.delete(service)
    const dependents = this.#dependents.get(service)
    dependents?.delete(key)
    if (dependents?.size === 0) this.#dependents.delete(service)
  }
}

/** Such a rule is for no Service. */
function isForeign({ namespace, service }: DestinationRule): boolean {
  return service?.startsWith(`${namespace}/`) === false
}

/** Where a rule is, or belongs, among those for its Service, which are in order. */
function placeOf(rule: DestinationRule, hosted: readonly DestinationRule[]): number {
  let [from, to] = [0, hosted.length]
  while (from < to) {
    const middle = (from + to) >>> 1
    const other = hosted[middle]
    if (other !== undefined && countsBefore(other, rule)) from = middle + 1
    else to = middle
  }
  return from
}

/** Of rules of one namespace. */
function countsBefore(one: DestinationRule, other: DestinationRule): boolean {
  return one.createdAt === other.createdAt ? one.name < other.name : one.createdAt < other.createdAt
}
