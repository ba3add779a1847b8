import type { DestinationPolicy } from '@edgeway/core'
import type { DestinationRule } from '../mappers/destination-rule-mapper.ts'

const NO_RULES: readonly DestinationRule[] = []

/**
 * Which DestinationRule is for which Service: one whose host stands for it, else the one of its name, as EdgeMesh has it.
 * Only rules of the Service's own namespace count: nobody limits the Services of others. Of several the oldest does, then
 * the alphabet.
 */
export class DestinationRuleIndex {
  readonly #rules = new Map<string, DestinationRule>()
  /** By the Service that their hosts stand for, the one that counts first. */
  readonly #byHost = new Map<string, readonly DestinationRule[]>()

  /**
   * @param key - `namespace/name` of the rule
   * @param rule - `undefined`: there is none of that name any more
   * @returns the Services that it may touch
   */
  set(key: string, rule: DestinationRule | undefined): ReadonlySet<string> {
    const before = this.#rules.get(key)
    if (before !== undefined) this.#forget(key, before)
    if (rule !== undefined) this.#add(key, rule)
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

  /** All rules whose hosts stand for a Service, and that may; the first one counts. */
  rivals(service: string): readonly DestinationRule[] {
    return this.#hosted(service).filter(({ namespace }) => service.startsWith(`${namespace}/`))
  }

  /** Services that are touched when one comes or goes: of the names of rules whose host is that one. */
  dependents(service: string): string[] {
    return this.#hosted(service)
      .map(keyOf)
      .filter((key) => key !== service)
  }

  #hosted(service: string): readonly DestinationRule[] {
    return this.#byHost.get(service) ?? NO_RULES
  }

  /** A rule whose host is another Service that exists is for that one only. */
  #namesake(service: string, exists: (service: string) => boolean): DestinationRule | undefined {
    const rule = this.#rules.get(service)
    return rule?.service !== undefined && exists(rule.service) ? undefined : rule
  }

  #add(key: string, rule: DestinationRule): void {
    this.#rules.set(key, rule)
    const { service } = rule
    if (service === undefined) return
    const rank = (one: DestinationRule): string => `${one.createdAt} ${keyOf(one)}`
    const ranked = [...this.#hosted(service), rule].map((one) => ({ one, rank: rank(one) }))
    ranked.sort((a, b) => (a.rank < b.rank ? -1 : 1))
    this.#byHost.set(
      service,
      ranked.map(({ one }) => one),
    )
  }

  #forget(key: string, { service }: DestinationRule): void {
    this.#rules.delete(key)
    if (service === undefined) return
    const others = this.#hosted(service).filter((one) => keyOf(one) !== key)
    if (others.length > 0) this.#byHost.set(service, others)
    else this.#byHost.delete(service)
  }
}

function keyOf({ namespace, name }: DestinationRule): string {
  return `${namespace}/${name}`
}
