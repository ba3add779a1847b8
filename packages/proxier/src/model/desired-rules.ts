import { isDeepStrictEqual } from 'node:util'
import type { ServicePort, ServicePortName } from '@edgeway/core'
import { formatMatch, type Match, type Rule, type RuleChange } from './rule.ts'
import { matchesOf, ownerOf, type RuleLimits, type RuleSources, rulesOf } from './service-port-rules.ts'

/** Limits of one rule and of all together. */
export interface DesiredRulesLimits extends RuleLimits {
  /** Rules of mode KERNEL at most; ServicePorts that come later go through the agent, until there is room. */
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
  /** Every ServicePort as it was when its rules were made, also one that got none. */
  readonly #ports = new Map<ServicePortName, ServicePort>()
  /** Those that the kernel would carry if it were not for `maxKernelRules`; who waits longest comes first. */
  readonly #crowdedOut = new Set<ServicePortName>()
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

  /** Makes all rules anew, for those who need not know what changed. */
  rebuild(limits: DesiredRulesLimits): void {
    this.#limits = limits
    this.#rules.clear()
    this.#ports.clear()
    this.#crowdedOut.clear()
    this.#kernelRules = 0
    for (const { name } of this.#sources.services.servicePorts()) this.#enter(name, new Map())
  }

  /** Makes all rules anew. */
  refreshAll(limits: DesiredRulesLimits = this.#limits): readonly RuleChange[] {
    this.#limits = limits
    const known = [...this.#sources.services.servicePorts()].map(({ name }) => name)
    return this.#replace(new Set([...this.#ports.keys(), ...known]))
  }

  /** Makes the rules of these ServicePorts anew, and of those that they took a Match from or left one to. */
  refresh(changed: Iterable<ServicePortName>): readonly RuleChange[] {
    const names = new Set(changed)
    // Grows as it goes: a Set is iterated with what is added meanwhile.
    for (const name of names)
      for (const rival of this.#rivalsOf(name)) if (rival !== undefined) names.add(rival)
    return this.#replace(names)
  }

  #replace(names: ReadonlySet<ServicePortName>): readonly RuleChange[] {
    const previous = new Map<string, Rule>()
    for (const name of names) this.#withdraw(name, previous)
    const current = new Map<string, Rule>()
    // What the kernel carries keeps its place: those that wait for one come later.
    const waiting = [...names].filter((name) => this.#crowdedOut.has(name))
    for (const name of names) if (!this.#crowdedOut.has(name)) this.#enter(name, current)
    for (const name of waiting) this.#enter(name, current)
    for (const name of this.#nextForKernel(names)) {
      this.#withdraw(name, previous)
      this.#enter(name, current)
    }
    return changesBetween(previous, current)
  }

  /** Others that wait for a place in the kernel, while there are some: up to the first one for which there are too few. */
  *#nextForKernel(tried: ReadonlySet<ServicePortName>): Generator<ServicePortName> {
    if (this.#crowdedOut.size === 0 || this.#kernelRules >= this.#limits.maxKernelRules) return
    for (const name of [...this.#crowdedOut].filter((one) => !tried.has(one))) {
      yield name
      if (this.#crowdedOut.has(name)) return
    }
  }

  #withdraw(name: ServicePortName, withdrawn: Map<string, Rule>): void {
    const port = this.#ports.get(name)
    for (const match of port === undefined ? [] : matchesOf(port)) {
      const key = formatMatch(match)
      const owned = this.#rules.get(key)
      if (owned?.owner !== name) continue
      this.#rules.delete(key)
      if (owned.rule.mode === 'KERNEL') this.#kernelRules--
      withdrawn.set(key, owned.rule)
    }
    this.#ports.delete(name)
  }

  #enter(name: ServicePortName, entered: Map<string, Rule>): void {
    this.#crowdedOut.delete(name)
    const port = this.#sources.services.servicePort(name)
    if (port === undefined) return
    this.#ports.set(name, port)
    for (const rule of this.#rulesOf(port)) {
      const key = formatMatch(rule.match)
      this.#rules.set(key, { owner: name, rule })
      if (rule.mode === 'KERNEL') this.#kernelRules++
      entered.set(key, rule)
    }
  }

  #rulesOf(port: ServicePort): readonly Rule[] {
    const rules = rulesOf(port, this.#sources, this.#limits)
    const kernelRules = rules.filter(({ mode }) => mode === 'KERNEL').length
    if (this.#kernelRules + kernelRules <= this.#limits.maxKernelRules) return rules
    this.#crowdedOut.add(port.name)
    return rulesOf(port, this.#sources, { ...this.#limits, maxSlots: NO_KERNEL })
  }

  /** Those that have a rule for a Match of this ServicePort, and those that own one now. */
  *#rivalsOf(name: ServicePortName): Generator<ServicePortName | undefined> {
    for (const match of this.#matchesOf(name)) {
      yield this.#rules.get(formatMatch(match))?.owner
      yield ownerOf(match, this.#sources.services)?.name
    }
  }

  /** Of the ServicePort as it was, and as it is. */
  #matchesOf(name: ServicePortName): readonly Match[] {
    const ports = new Set([this.#ports.get(name), this.#sources.services.servicePort(name)])
    return [...ports].flatMap((port) => (port === undefined ? [] : matchesOf(port)))
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
