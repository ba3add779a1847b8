import type { IpFamily } from '@edgeway/core'
import { familyOf, formatMatch, type Rule, type RuleChange } from '../../model/rule.ts'
import { contributionOf } from './contribution.ts'
import { fixedContribution, JUMPS, LASTING_CHAINS } from './fixed-chains.ts'
import type { SetNames } from './names.ts'
import { Ruleset, type RulesetDelta } from './ruleset.ts'
import { fingerprintOf, type OurTables } from './saved-rules.ts'
import { diffSets, parseSavedSets } from './saved-sets.ts'

/** What of a node rules are made for. */
export interface RuleScope {
  /** Rules of other families are left out. */
  readonly families: readonly IpFamily[]
  readonly names: SetNames
  /** What processes of this group send is never touched. */
  readonly groupId: number
}

/** The rules that the kernel has got from us, and how it prints them. */
export class LoadedRules {
  readonly ruleset = new Ruleset(LASTING_CHAINS)
  readonly #scope: RuleScope
  readonly #rules = new Map<string, Rule>()
  /** What the kernel's tables held after the last change, chain by chain. */
  readonly #prints = new Map<IpFamily, ReadonlyMap<string, string>>()
  /** What `ipset save` printed when the sets were found right last, for the rules of now. */
  #savedSets: string | undefined

  constructor(rules: Iterable<Rule>, scope: RuleScope) {
    this.#scope = scope
    for (const family of scope.families)
      this.ruleset.add(fixedContribution(family, scope.names, scope.groupId))
    for (const rule of rules) this.change({ previous: undefined, current: rule })
    this.ruleset.forget()
  }

  change({ previous, current }: RuleChange): void {
    const match = (current ?? previous)?.match
    if (match === undefined || !this.#scope.families.includes(familyOf(match))) return
    this.#savedSets = undefined
    const key = formatMatch(match)
    const known = this.#rules.get(key)
    if (known !== undefined) this.ruleset.remove(contributionOf(known, this.#scope.names))
    this.#rules.delete(key)
    if (current === undefined) return
    this.#rules.set(key, current)
    this.ruleset.add(contributionOf(current, this.#scope.names))
  }

  /** Takes what the kernel has for what it shall have. */
  rememberAll(found: ReadonlyMap<IpFamily, OurTables>): void {
    for (const [family, tables] of found) this.#prints.set(family, fingerprintOf(tables))
  }

  /** As `rememberAll`, for what changed. A stranger's change of anything else is still to be found. */
  remember(found: ReadonlyMap<IpFamily, OurTables>, { written, removedChains }: RulesetDelta): void {
    for (const [family, tables] of found) {
      const now = fingerprintOf(tables)
      const prints = new Map(this.#prints.get(family))
      for (const chain of written[family].keys()) prints.set(`nat ${chain}`, now.get(`nat ${chain}`) ?? '')
      for (const chain of removedChains[family]) prints.delete(`nat ${chain}`)
      this.#prints.set(family, prints)
    }
  }

  hasTables(found: ReadonlyMap<IpFamily, OurTables>): boolean {
    return [...found].every(
      ([family, tables]) =>
        jumpsAreFirst(tables) && sameEntries(fingerprintOf(tables), this.#prints.get(family)),
    )
  }

  /** @param held - sets that are of no use any more, but still there */
  hasSets(saved: string, prefix: string, held: ReadonlySet<string>): boolean {
    if (saved === this.#savedSets) return true
    const found = parseSavedSets(saved, prefix)
    const { added, deleted, created, destroyed } = diffSets(this.ruleset.sets, found)
    const same =
      added.length + deleted.length === 0 &&
      created.every(({ name }) => found.has(name)) &&
      destroyed.every((name) => held.has(name))
    if (same) this.#savedSets = saved
    return same
  }
}

function jumpsAreFirst(tables: OurTables): boolean {
  const references = [...tables.values()].flatMap((table) => table.references)
  return references.length === JUMPS.length && references.every(({ position }) => position === 1)
}

function sameEntries(
  some: ReadonlyMap<string, string>,
  others: ReadonlyMap<string, string> = new Map(),
): boolean {
  return some.size === others.size && [...some].every(([key, text]) => others.get(key) === text)
}
