import { randomInt } from 'node:crypto'
import type { IpFamily } from '@edgeway/core'
import type { RunCommand } from '../../command/run-command.ts'
import { CommandError } from '../../errors.ts'
import type { Rule, RuleChange } from '../../model/rule.ts'
import type { ProbeResult, RuleBackend } from '../rule-backend.ts'
import { filterChains, TABLES } from './fixed-chains.ts'
import type { IptablesFlavour } from './flavour.ts'
import { IpSets } from './ip-sets.ts'
import { IpTables } from './ip-tables.ts'
import { LoadedRules } from './loaded-rules.ts'
import { SetNames, setPrefix } from './names.ts'
import { IptablesProbe } from './probe.ts'
import { removeReferences, renderTable, repairJumps } from './restore-input.ts'
import type { Ruleset, RulesetDelta } from './ruleset.ts'
import type { OurTables } from './saved-rules.ts'
import { diffSets, parseSavedSets, renderAdditions, renderDeletions } from './saved-sets.ts'
import { familiesToAsk, findTools } from './tools.ts'

/** What `probe` found. */
interface Usable {
  readonly tables: IpTables
  readonly families: readonly IpFamily[]
}

/**
 * Rules in chains of our own of iptables' tables nat and filter, and in ipsets. AGENT, NODE and REJECT rules are
 * members of sets; a KERNEL rule has a chain. The first rule of each of the kernel's chains is the jump into ours.
 *
 * Weaker than nftables: a change of several matches is made one match after the other; somebody who puts rules before
 * ours has them asked first until the next `apply`; each slot of a `client-ip` rule remembers 65,536 clients at most.
 */
export class IptablesBackend implements RuleBackend {
  readonly name: 'iptables-nft' | 'iptables-legacy'
  readonly #flavour: IptablesFlavour
  readonly #groupId: number
  readonly #run: RunCommand
  readonly #names: SetNames
  readonly #sets: IpSets
  #usable: Usable | undefined
  #loaded: LoadedRules | undefined

  /** @param options - `groupId`: what processes of this group send is never touched */
  constructor(
    { flavour, groupId }: { readonly flavour: IptablesFlavour; readonly groupId: number },
    run: RunCommand,
  ) {
    this.name = `iptables-${flavour}`
    this.#flavour = flavour
    this.#groupId = groupId
    this.#run = run
    this.#names = new SetNames(setPrefix(flavour))
    this.#sets = new IpSets(run)
  }

  /** Of the legacy flavour it makes the tables, empty, where there are none. */
  async probe(): Promise<ProbeResult> {
    this.#usable = undefined
    const tools = await findTools(this.#flavour, this.#run)
    if (tools === undefined)
      return { usable: false, reason: `there is no ${this.name}. On Debian: apt-get install iptables ipset` }
    const id = randomInt(36 ** 2, 36 ** 3).toString(36)
    const probe = new IptablesProbe({ groupId: this.#groupId, id }, this.#run)
    const { result, families } = await probe.probe(tools)
    if (result.usable) this.#usable = { tables: new IpTables(tools, this.#run), families }
    return result
  }

  async apply(rules: Iterable<Rule>): Promise<void> {
    this.#loaded = undefined
    const usable = await this.#ready()
    const scope = { families: usable.families, names: this.#names, groupId: this.#groupId }
    const loaded = new LoadedRules(rules, scope)
    try {
      await this.#load(loaded, usable)
    } catch (error) {
      if (!isOfAnotherType(error)) throw error
      await this.cleanup()
      await this.#load(loaded, usable)
    }
    this.#loaded = loaded
  }

  async update(changes: readonly RuleChange[]): Promise<void> {
    const loaded = this.#loaded
    const usable = await this.#ready()
    if (loaded === undefined) throw new CommandError([this.name], { reason: 'has nothing loaded to change' })
    this.#loaded = undefined
    for (const change of changes) loaded.change(change)
    await this.#bring(loaded, loaded.ruleset.takeDelta(), usable)
    this.#loaded = loaded
  }

  async verify(): Promise<'intact' | 'drifted'> {
    const loaded = this.#loaded
    if (loaded === undefined) return 'drifted'
    const { tables, families } = await this.#ready()
    const [found, sets] = await Promise.all([tables.save(families), this.#sets.save()])
    const intact = loaded.hasTables(found) && loaded.hasSets(sets, setPrefix(this.#flavour), this.#sets.held)
    return intact ? 'intact' : 'drifted'
  }

  async cleanup(): Promise<void> {
    this.#loaded = undefined
    const tools = await findTools(this.#flavour, this.#run)
    if (tools === undefined) return
    const tables = new IpTables(tools, this.#run)
    const found = await tables.save(await familiesToAsk(this.#flavour, this.#run))
    for (const [family, ours] of found) await tables.restore(family, renderRemoval(ours))
    if (!(await this.#sets.isInstalled())) return
    const sets = parseSavedSets(await this.#sets.save(), setPrefix(this.#flavour))
    await this.#sets.destroyAll([...sets.keys()])
  }

  async #ready(): Promise<Usable> {
    const result = this.#usable === undefined ? await this.probe() : undefined
    if (this.#usable !== undefined) return this.#usable
    const reason = result?.usable === false ? result.reason : 'it was found unusable'
    throw new CommandError([this.name], { reason: `can't be used: ${reason}` })
  }

  async #load(loaded: LoadedRules, { tables, families }: Usable): Promise<void> {
    const [found, saved] = await Promise.all([tables.save(families), this.#sets.save()])
    const { ruleset } = loaded
    const sets = diffSets(ruleset.sets, parseSavedSets(saved, setPrefix(this.#flavour)))
    await this.#sets.restore(renderAdditions(sets), sets.created)
    for (const family of families)
      await tables.restore(family, this.#renderWhole(family, ruleset, found.get(family)))
    await this.#sets.restore(renderDeletions(sets))
    loaded.rememberAll(await tables.save(families))
    await this.#sets.destroy(sets.destroyed)
  }

  async #bring(loaded: LoadedRules, delta: RulesetDelta, { tables, families }: Usable): Promise<void> {
    const inputs = families.map((family) => {
      const table = { written: delta.written[family], removed: delta.removedChains[family], jumps: [] }
      return { family, input: renderTable('nat', table) }
    })
    const changed = inputs.filter(({ input }) => input !== '')
    const deletions = renderDeletions(delta)
    if (changed.length === 0) await this.#sets.restore(renderAdditions(delta) + deletions, delta.created)
    else {
      await this.#sets.restore(renderAdditions(delta), delta.created)
      for (const { family, input } of changed) await tables.restore(family, input)
      await this.#sets.restore(deletions)
      loaded.remember(await tables.save(changed.map(({ family }) => family)), delta)
    }
    await this.#sets.destroy(delta.destroyed)
  }

  #renderWhole(family: IpFamily, ruleset: Ruleset, found: OurTables | undefined): string {
    const chains = {
      nat: ruleset.chains(family),
      filter: filterChains(family, this.#names, this.#groupId),
    }
    return TABLES.map((table) => {
      const there = found?.get(table)
      const written = chains[table]
      const removed = [...(there?.chains.keys() ?? [])].filter((chain) => !written.has(chain))
      return renderTable(table, { written, removed, jumps: repairJumps(table, there) })
    }).join('')
  }
}

function renderRemoval(ours: OurTables): string {
  const inputs = [...ours].map(([table, { chains, references }]) => {
    const removed = [...chains.keys()]
    return renderTable(table, { written: new Map(), removed, jumps: removeReferences(references) })
  })
  return inputs.join('')
}

/** A set of our name that we did not make: it has to go before ours can come. */
function isOfAnotherType(error: unknown): boolean {
  return error instanceof CommandError && /set with the same name already exists/.test(error.message)
}
