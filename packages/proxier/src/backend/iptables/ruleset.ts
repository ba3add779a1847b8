import { IP_FAMILIES, type IpFamily } from '@edgeway/core'
import type { Contribution } from './contribution.ts'
import type { Chains } from './fixed-chains.ts'
import type { IpSet } from './names.ts'

interface CountedSet {
  readonly set: IpSet
  /** How many need the set or a member of it. */
  uses: number
  readonly members: Map<string, number>
}

/** A member of a set, named. */
export type NamedMember = readonly [set: string, member: string]

/** What the kernel must be told. Done in the order of the fields, nothing is ever sent into a hole. */
export interface RulesetDelta {
  readonly created: readonly IpSet[]
  readonly added: readonly NamedMember[]
  /** Chains of the nat table with their new lines. */
  readonly written: Readonly<Record<IpFamily, Chains>>
  readonly removedChains: Readonly<Record<IpFamily, readonly string[]>>
  readonly deleted: readonly NamedMember[]
  readonly destroyed: readonly string[]
}

/** The sets and the chains of the nat table that the rules need, and what differs since the last delta was taken. */
export class Ruleset {
  readonly #sets = new Map<string, CountedSet>()
  readonly #chains = {
    IPv4: new Map<string, Map<string, number>>(),
    IPv6: new Map<string, Map<string, number>>(),
  }
  /** What was there at the last delta, of what has been touched since. */
  readonly #formerSets = new Map<string, boolean>()
  readonly #formerMembers = new Map<string, { readonly member: NamedMember; readonly there: boolean }>()
  readonly #formerChains = { IPv4: new Map<string, string>(), IPv6: new Map<string, string>() }
  readonly #lasting: ReadonlySet<string>

  /** @param lastingChains - chains that are there even without a line */
  constructor(lastingChains: readonly string[]) {
    this.#lasting = new Set(lastingChains)
  }

  add({ family, sets, members, lines }: Contribution): void {
    for (const set of sets) this.#touch(set).uses++
    for (const [set, member] of members) {
      const counted = this.#touch(set, member)
      counted.uses++
      counted.members.set(member, (counted.members.get(member) ?? 0) + 1)
    }
    for (const [chain, line] of lines) {
      const counted = this.#touchChain(family, chain)
      counted.set(line, (counted.get(line) ?? 0) + 1)
    }
  }

  remove({ family, sets, members, lines }: Contribution): void {
    for (const set of sets) this.#release(this.#touch(set))
    for (const [set, member] of members) {
      const counted = this.#touch(set, member)
      countDown(counted.members, member)
      this.#release(counted)
    }
    for (const [chain, line] of lines) {
      const counted = this.#touchChain(family, chain)
      countDown(counted, line)
      if (counted.size === 0) this.#chains[family].delete(chain)
    }
  }

  /** Sets by name. */
  get sets(): ReadonlyMap<string, { readonly set: IpSet; readonly members: ReadonlyMap<string, number> }> {
    return this.#sets
  }

  chains(family: IpFamily): Chains {
    const names = new Set([...this.#lasting, ...this.#chains[family].keys()])
    return new Map([...names].map((chain) => [chain, this.#linesOf(family, chain)]))
  }

  /** What differs since this was called last. */
  takeDelta(): RulesetDelta {
    const touchedSets = [...this.#formerSets]
    const touchedMembers = [...this.#formerMembers.values()]
    const delta = {
      created: touchedSets.flatMap(([name, there]) => (there ? [] : this.#setOf(name))),
      added: touchedMembers
        .filter(({ member, there }) => !there && this.#has(member))
        .map(({ member }) => member),
      written: { IPv4: this.#written('IPv4'), IPv6: this.#written('IPv6') },
      removedChains: { IPv4: this.#removed('IPv4'), IPv6: this.#removed('IPv6') },
      deleted: touchedMembers
        .filter(({ member, there }) => there && this.#sets.has(member[0]) && !this.#has(member))
        .map(({ member }) => member),
      destroyed: touchedSets.flatMap(([name, there]) => (there && !this.#sets.has(name) ? [name] : [])),
    }
    this.forget()
    return delta
  }

  /** Takes what there is now for what there was. */
  forget(): void {
    this.#formerSets.clear()
    this.#formerMembers.clear()
    for (const family of IP_FAMILIES) this.#formerChains[family].clear()
  }

  #touch(set: IpSet, member?: string): CountedSet {
    const { name } = set
    const known = this.#sets.get(name)
    if (!this.#formerSets.has(name)) this.#formerSets.set(name, known !== undefined)
    if (member !== undefined && !this.#formerMembers.has(`${name} ${member}`))
      this.#formerMembers.set(`${name} ${member}`, {
        member: [name, member],
        there: known?.members.has(member) ?? false,
      })
    const counted = known ?? { set, uses: 0, members: new Map() }
    if (known === undefined) this.#sets.set(name, counted)
    return counted
  }

  #release(counted: CountedSet): void {
    counted.uses--
    if (counted.uses === 0) this.#sets.delete(counted.set.name)
  }

  #touchChain(family: IpFamily, chain: string): Map<string, number> {
    const former = this.#formerChains[family]
    if (!former.has(chain)) former.set(chain, this.#linesOf(family, chain).join('\n'))
    const counted = this.#chains[family].get(chain) ?? new Map<string, number>()
    this.#chains[family].set(chain, counted)
    return counted
  }

  #written(family: IpFamily): Chains {
    const changed = [...this.#formerChains[family]]
      .map(([chain, former]) => ({ chain, former, lines: this.#linesOf(family, chain) }))
      .filter(({ chain, former, lines }) => this.#exists(family, chain) && lines.join('\n') !== former)
    return new Map(changed.map(({ chain, lines }) => [chain, lines]))
  }

  #removed(family: IpFamily): string[] {
    const formerly = [...this.#formerChains[family]].filter(([, former]) => former !== '')
    return formerly.map(([chain]) => chain).filter((chain) => !this.#exists(family, chain))
  }

  #exists(family: IpFamily, chain: string): boolean {
    return this.#lasting.has(chain) || this.#chains[family].has(chain)
  }

  #linesOf(family: IpFamily, chain: string): string[] {
    return [...(this.#chains[family].get(chain)?.keys() ?? [])]
  }

  #setOf(name: string): IpSet[] {
    const counted = this.#sets.get(name)
    return counted === undefined ? [] : [counted.set]
  }

  #has([set, member]: NamedMember): boolean {
    return this.#sets.get(set)?.members.has(member) ?? false
  }
}

function countDown(counts: Map<string, number>, key: string): void {
  const count = (counts.get(key) ?? 0) - 1
  if (count > 0) counts.set(key, count)
  else counts.delete(key)
}
