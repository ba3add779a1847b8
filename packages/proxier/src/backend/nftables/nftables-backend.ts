import { type RunCommand, runCommand, startCommand } from '../../command/run-command.ts'
import { CommandError } from '../../errors.ts'
import type { Rule, RuleChange } from '../../model/rule.ts'
import type { ProbeResult, RuleBackend } from '../rule-backend.ts'
import {
  AFFINITY_MAPS,
  type AllowedEndpoints,
  allowedAfter,
  allowedEndpoints,
  staleAffinities,
} from './affinity.ts'
import { chainsOf, LEARN_CHAIN, learnChainsOf } from './chains.ts'
import {
  affinitySeconds,
  changedElements,
  countShared,
  type ElementCounts,
  elementsOf,
  inOrderOfRemoval,
} from './elements.ts'
import { ALL_FEATURES, type Features, type LayoutOptions, NFT_TABLE, setsOf } from './layout.ts'
import { type InProcessNft, openLibnftables } from './libnftables.ts'
import { type NftListing, type NftStructure, parseListing } from './listing.ts'
import { type Nft, nftCommand } from './nft.ts'
import { NftSession, type StartCommand } from './nft-session.ts'
import { canOwnTable, contentsOf, findFeatures } from './probe.ts'
import { kernelGeneration, nextGeneration, type ReadGeneration } from './ruleset-generation.ts'
import { renderElements, renderRefill, renderReplacement, renderUpdate } from './scripts.ts'
import { ALL_OF_FAMILY, compareTable } from './table-comparison.ts'

export interface NftablesBackendOptions {
  /** What processes of this group send is never touched: the agent's own. */
  readonly groupId: number
  /** `closed`: the rules stay when this process dies; `open`: they go. */
  readonly failMode: 'closed' | 'open'
}

export interface NftablesBackendDeps {
  /** The kernel's where `run` is `runCommand`, else none, since `run` may reach another network namespace. */
  readonly readGeneration?: ReadGeneration
  /** Likewise; without it each script is a process of its own. */
  readonly startCommand?: StartCommand
  /** For `failMode: open`: nft in this process. */
  readonly openNft?: () => Promise<InProcessNft | undefined>
}

const TABLE = `table ${NFT_TABLE}`

/** So many times stale affinities are looked for before all of a map are given up. */
const PURGE_ATTEMPTS = 3

/** What the last successful apply and updates left. */
interface Loaded {
  structure: NftStructure
  readonly counts: ElementCounts
  /** Timeouts that there are chains for. */
  readonly seconds: Set<number>
}

/** Rules in one nftables table of our own. */
export class NftablesBackend implements RuleBackend {
  readonly name = 'nftables'
  readonly #options: NftablesBackendOptions
  readonly #command: Nft
  readonly #session: NftSession | undefined
  readonly #openNft: () => Promise<InProcessNft | undefined>
  readonly #readGeneration: ReadGeneration
  #owner: InProcessNft | undefined
  #isOwned: boolean
  #features: Features = ALL_FEATURES
  #loaded: Loaded | undefined
  /** A refill failed, so what is there is not taken for what its names say. */
  #isMistrusted = false
  /** The generation of the ruleset at which the table was known to be as we left it. */
  #intactAt: number | undefined

  constructor(options: NftablesBackendOptions, run: RunCommand, deps: NftablesBackendDeps = {}) {
    this.#options = options
    this.#isOwned = options.failMode === 'open'
    const start = deps.startCommand ?? (run === runCommand ? startCommand : undefined)
    this.#session = start && new NftSession(nftCommand(run), start)
    this.#command = this.#session ?? nftCommand(run)
    this.#openNft = deps.openNft ?? openLibnftables
    this.#readGeneration =
      deps.readGeneration ?? (run === runCommand ? kernelGeneration() : async () => undefined)
  }

  async probe(): Promise<ProbeResult> {
    const found = await findFeatures(this.#command, { groupId: this.#options.groupId, isOwned: false })
    if ('reason' in found) return { usable: false, reason: found.reason }
    const failOpen = await canOwnTable(this.#openNft)
    this.#isOwned = failOpen && this.#options.failMode === 'open'
    this.#features = found.features
    const has = (kind: Features['balances'][number]): boolean => found.features.balances.includes(kind)
    const maxSlots = {
      random: has('random') ? 256 : 0,
      'client-ip': has('client-ip') ? 256 : 0,
      'source-ip-hash': has('source-ip-hash') ? 400 : 0,
    }
    return { usable: true, capabilities: { maxKernelRules: Number.POSITIVE_INFINITY, maxSlots, failOpen } }
  }

  async apply(rules: Iterable<Rule>): Promise<void> {
    this.#loaded = undefined
    const all = [...rules]
    const nft = await this.#nft()
    const found = await this.#listStructure(nft)
    const contents = contentsOf(all, this.#features)
    const isRefill = found !== undefined && !this.#isMistrusted && this.#hasOurLayout(found)
    const layout = this.#layout()
    const script = isRefill
      ? renderRefill(contents, layout, found.chains.filter(isLearnChain))
      : renderReplacement(contents, layout, found !== undefined)
    this.#isMistrusted = true
    this.#intactAt = await this.#readGeneration()
    await this.#commit(nft, script)
    if (isRefill && this.#learns()) await this.#purge(nft, allowedEndpoints(all), { isComplete: true })
    this.#loaded = {
      structure: (await this.#mustListStructure(nft)).structure,
      counts: countShared(all, this.#features),
      seconds: new Set(contents.affinitySeconds),
    }
    this.#isMistrusted = false
  }

  async update(changes: readonly RuleChange[]): Promise<void> {
    const loaded = this.#loaded
    if (loaded === undefined) throw new Error('update before a successful apply')
    // Until the kernel has taken it: else apply must follow.
    this.#loaded = undefined
    const nft = await this.#nft()
    const seconds = newSeconds(changes, loaded.seconds)
    const { removed, added } = changedElements(changes, this.#features, loaded.counts)
    const [now, later] = inOrderOfRemoval(removed)
    const script = renderUpdate({ removed: now, added }, seconds)
    if (script !== '') await this.#commit(nft, script)
    if (later.size > 0) await this.#commit(nft, renderElements('delete', later))
    if (seconds.size > 0) await this.#rememberLearning(nft, loaded, seconds)
    await this.#purge(nft, allowedAfter(changes), { isComplete: false })
    this.#loaded = loaded
  }

  async verify(rules: Iterable<Rule>): Promise<'intact' | 'drifted'> {
    const generation = await this.#readGeneration()
    if (this.#loaded === undefined) return 'drifted'
    if (generation !== undefined && generation === this.#intactAt) return 'intact'
    const learnt = setsOf(this.#features).filter(({ isLearnt }) => isLearnt)
    const found = await compareTable(await this.#nft(), {
      structure: this.#loaded.structure,
      elements: elementsOf(rules, this.#features),
      learnt: new Set(learnt.map(({ name }) => name)),
    })
    if (found === 'same') this.#intactAt = generation
    return found === 'different' ? 'drifted' : 'intact'
  }

  async cleanup(): Promise<void> {
    this.#loaded = undefined
    this.#intactAt = undefined
    const nft = await this.#nft()
    if ((await this.#listStructure(nft)) !== undefined) await nft.load(`delete ${TABLE}\n`)
    this.#session?.close()
    this.#owner?.close()
    this.#owner = undefined
  }

  /** In `failMode: open` the one that owns the table, so it is kept. */
  async #nft(): Promise<Nft> {
    if (!this.#isOwned) return this.#command
    this.#owner ??= await this.#openNft()
    if (this.#owner === undefined) throw new CommandError(['libnftables'], { reason: NO_OWNER })
    const { load, check } = this.#owner
    return { load, check, list: this.#command.list }
  }

  #layout(): LayoutOptions {
    return { groupId: this.#options.groupId, isOwned: this.#isOwned, features: this.#features }
  }

  #learns(): boolean {
    return this.#features.balances.includes('client-ip')
  }

  #hasOurLayout({ chains }: NftListing): boolean {
    const ours = chainsOf(this.#layout()).map(({ name }) => name)
    return (
      chains
        .filter((name) => !isLearnChain(name))
        .toSorted()
        .join() === ours.toSorted().join()
    )
  }

  /** A table that was intact still is if nobody else committed anything in between. */
  async #commit(nft: Nft, script: string): Promise<void> {
    const before = this.#intactAt
    this.#intactAt = undefined
    await nft.load(script)
    const after = await this.#readGeneration()
    if (before !== undefined && after === nextGeneration(before)) this.#intactAt = after
  }

  /** Makes the kernel forget which endpoint a client had where it is not to be sent there any more. */
  async #purge(nft: Nft, allowed: AllowedEndpoints, scope: { readonly isComplete: boolean }): Promise<void> {
    for (const map of AFFINITY_MAPS) {
      const endpoints = allowed.get(map)
      if (endpoints !== undefined) await this.#purgeMap(nft, new Map([[map, endpoints]]), scope)
    }
  }

  async #purgeMap(
    nft: Nft,
    allowed: AllowedEndpoints,
    scope: { readonly isComplete: boolean },
  ): Promise<void> {
    const [map = ''] = allowed.keys()
    for (let attempt = 1; attempt <= PURGE_ATTEMPTS; attempt++) {
      const text = await nft.list(`map ${NFT_TABLE} ${map}`)
      const listed = text === undefined ? undefined : parseListing(text)?.elements
      const stale = staleAffinities(listed ?? new Map(), allowed, scope)
      if (stale.size === 0) return
      try {
        // Adding them first makes it no error that one has expired meanwhile.
        await this.#commit(nft, renderElements('add', stale) + renderElements('delete', stale))
        return
      } catch {
        // One expired and was learnt anew with another endpoint: look again.
      }
    }
    await this.#commit(nft, `flush map ${NFT_TABLE} ${map}\n`)
  }

  async #listStructure(nft: Nft): Promise<NftListing | undefined> {
    const text = await nft.list(ALL_OF_FAMILY, { isTerse: true })
    return text === undefined ? undefined : parseListing(text)
  }

  /** Of what is there only the new chains: a stranger's change of anything else is still to be found. */
  async #rememberLearning(nft: Nft, loaded: Loaded, seconds: ReadonlySet<number>): Promise<void> {
    const { structure } = await this.#mustListStructure(nft)
    const names = [...seconds].flatMap(learnChainsOf).map(({ name }) => name)
    loaded.structure = new Map([
      ...loaded.structure,
      ...names.map((name) => [name, structure.get(name) ?? ''] as const),
    ])
    for (const timeout of seconds) loaded.seconds.add(timeout)
  }

  async #mustListStructure(nft: Nft): Promise<NftListing> {
    const found = await this.#listStructure(nft)
    if (found !== undefined) return found
    throw new CommandError(['nft', 'list', TABLE], { reason: 'found no table just after it was loaded' })
  }
}

const NO_OWNER =
  'failMode "open" needs libnftables (on Debian: apt-get install libnftables1), koffi for this platform and Linux 5.12 or newer'

function isLearnChain(name: string): boolean {
  return LEARN_CHAIN.test(name)
}

function newSeconds(changes: readonly RuleChange[], known: ReadonlySet<number>): ReadonlySet<number> {
  const wanted = changes.flatMap(({ current }) =>
    current === undefined ? [] : (affinitySeconds(current) ?? []),
  )
  return new Set(wanted).difference(known)
}
