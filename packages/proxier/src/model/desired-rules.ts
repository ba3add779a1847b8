import { isDeepStrictEqual } from 'node:util'
import type { ServicePort, ServicePortName } from '@edgeway/core'
import { formatMatch, type Match, type Rule, type RuleChange } from './rule.ts'
import { type RuleLimits, type RuleSources, rulesOf } from './service-port-rules.ts'

/** Limits of one rule and of all together. */
export interface DesiredRulesLimits extends RuleLimits {
  /** Rules of mode KERNEL at most; ServicePorts that come later go through the agent. */
  readonly maxKernelRules: number
}

interface OwnedRule {
  readonly owner: ServicePortName
  readonly rule: Rule
}

const NO_KERNEL: RuleLimits['maxSlots'] = { random: 0, 'client-ip': 0, 'source-ip-hash': 0 }

/** The rules that the kernel shall have, kept up to date by the ServicePorts that changed. */
export class DesiredRules {
  readonly #sources: RuleSources
  readonly #rules = new Map<string, OwnedRule>()
  readonly #matchesOf = new Map<ServicePortName, readonly string[]>()
  #limits: DesiredRulesLimits
  #kernelRules = 0

  constructor(sources: RuleSources, limits: DesiredRulesLimits) {
    this.#sources = sources
    this.#limits = limits
  }

  get size(): number {
    return this.#rules.size
  }

  *[Symbol.iterator](): Iterator<Rule> {
    for (const { rule } of this.#rules.values()) yield rule
  }

  /** Makes all rules anew. */
  refreshAll(limits: DesiredRulesLimits = this.#limits): readonly RuleChange[] {
    this.#limits = limits
    const known = [...this.#sources.services.servicePorts()].map(({ name }) => name)
    return this.#replace(new Set([...this.#matchesOf.keys(), ...known]))
  }

  /** Makes the rules of these ServicePorts anew, and of those that they took a Match from or left one to. */
  refresh(changed: Iterable<ServicePortName>): readonly RuleChange[] {
    const names = new Set(changed)
    // Grows as it goes: a Set is iterated with what is added meanwhile.
    for (const name of names) for (const other of this.#rivalsOf(name)) names.add(other)
    return this.#replace(names)
  }

  #replace(names: ReadonlySet<ServicePortName>): readonly RuleChange[] {
    const previous = new Map<string, Rule>()
    for (const name of names) this.#withdraw(name, previous)
    const current = new Map<string, Rule>()
    for (const name of names) this.#enter(name, current)
    return changesBetween(previous, current)
  }

  #withdraw(name: ServicePortName, withdrawn: Map<string, Rule>): void {
    for (const key of this.#matchesOf.get(name) ?? []) {
      const owned = this.#rules.get(key)
      if (owned?.owner !== name) continue
      this.#rules.delete(key)
      if (owned.rule.mode === 'KERNEL') this.#kernelRules--
      withdrawn.set(key, owned.rule)
    }
    this.#matchesOf.delete(name)
  }

  #enter(name: ServicePortName, entered: Map<string, Rule>): void {
    const port = this.#sources.services.servicePort(name)
    const rules = port === undefined ? [] : this.#rulesOf(port)
    if (rules.length === 0) return
    const keys = rules.map(({ match }) => formatMatch(match))
    for (const [index, rule] of rules.entries()) {
      const key = keys[index] ?? ''
      this.#rules.set(key, { owner: name, rule })
      if (rule.mode === 'KERNEL') this.#kernelRules++
      entered.set(key, rule)
    }
    this.#matchesOf.set(name, keys)
  }

  #rulesOf(port: ServicePort): readonly Rule[] {
    const rules = rulesOf(port, this.#sources, this.#limits)
    const kernelRules = rules.filter(({ mode }) => mode === 'KERNEL').length
    if (this.#kernelRules + kernelRules <= this.#limits.maxKernelRules) return rules
    return rulesOf(port, this.#sources, { ...this.#limits, maxSlots: NO_KERNEL })
  }

  /** Those that have a rule for a Match of this ServicePort, and those that now own one that it had. */
  *#rivalsOf(name: ServicePortName): Generator<ServicePortName> {
    const port = this.#sources.services.servicePort(name)
    const rules = port === undefined ? [] : rulesOf(port, this.#sources, this.#limits)
    for (const { match } of rules) {
      const owner = this.#rules.get(formatMatch(match))?.owner
      if (owner !== undefined) yield owner
    }
    for (const key of this.#matchesOf.get(name) ?? []) {
      const owner = this.#ownerOf(this.#rules.get(key)?.rule.match)
      if (owner !== undefined) yield owner
    }
  }

  #ownerOf(match: Match | undefined): ServicePortName | undefined {
    const { services } = this.#sources
    if (match === undefined) return undefined
    if (match.kind === 'node-port') return services.lookupNodePort(match.port, match.protocol)?.name
    return services.lookup(match.ip, match.port, match.protocol)?.name
  }
}

function changesBetween(
  previous: ReadonlyMap<string, Rule>,
  current: ReadonlyMap<string, Rule>,
): readonly RuleChange[] {
  const keys = new Set([...previous.keys(), ...current.keys()])
  return [...keys]
    .map((key) => ({ previous: previous.get(key), current: current.get(key) }))
    .filter((change) => !isDeepStrictEqual(change.previous, change.current))
}
