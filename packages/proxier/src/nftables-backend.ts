import { type NftListing, parseListing } from './nftables-listing.ts'
import {
  elementsOf,
  NFT_TABLE,
  type NftElements,
  nftChains,
  renderCleanup,
  renderRefill,
  renderReplacement,
  renderUpdate,
} from './nftables-ruleset.ts'
import type { ApplyOutcome, ProbeResult, RuleBackend } from './rule-backend.ts'
import type { Rule } from './rules.ts'
import { failureOf, mustRun, type RunCommand } from './run-command.ts'

const FROM_INPUT = ['nft', '-f', '-'] as const
const CHECK_INPUT = ['nft', '-c', '-f', '-'] as const
const LIST_TABLE = ['nft', '-n', '-j', 'list', 'table', ...NFT_TABLE.split(' ')] as const
/** Without the elements. */
const LIST_STRUCTURE = ['nft', '-n', '-j', '-t', 'list', 'table', ...NFT_TABLE.split(' ')] as const

/** Tried at start, so that each kind of element is proven to work on this node. */
const SAMPLE_RULES: readonly Rule[] = [
  { mode: 'AGENT', ip: '192.0.2.1', protocol: 'TCP', port: 1, listener: { ip: '192.0.2.2', port: 1 } },
  { mode: 'AGENT', ip: '2001:db8::1', protocol: 'TCP', port: 1, listener: { ip: '2001:db8::2', port: 1 } },
  { mode: 'REJECT', ip: '192.0.2.3', protocol: 'UDP', port: 1 },
  { mode: 'REJECT', ip: '2001:db8::3', protocol: 'UDP', port: 1 },
]

/** Rules in one nftables table of our own, loaded by the `nft` command. */
export class NftablesBackend implements RuleBackend {
  readonly #groupId: number
  readonly #run: RunCommand
  /** What the last successful apply left. */
  #loaded: Pick<NftListing, 'structure' | 'elements'> | undefined
  /** `refill` keeps the table's declarations where they are ours; `replace` takes nothing for granted. */
  #next: 'refill' | 'update' | 'replace' = 'refill'

  /** @param groupId - what processes of this group send is never touched */
  constructor(groupId: number, run: RunCommand) {
    this.#groupId = groupId
    this.#run = run
  }

  async probe(): Promise<ProbeResult> {
    try {
      await mustRun(this.#run, CHECK_INPUT, renderReplacement(elementsOf(SAMPLE_RULES), this.#groupId))
      // A build of nft without JSON can load rules but not verify them.
      await mustRun(this.#run, ['nft', '-j', 'list', 'tables'])
      return { usable: true }
    } catch (error) {
      return { usable: false, reason: error instanceof Error ? error.message : String(error) }
    }
  }

  async apply(rules: readonly Rule[]): Promise<ApplyOutcome> {
    const elements = elementsOf(rules)
    const next = this.#next
    this.#next = 'replace'
    const outcome =
      this.#loaded !== undefined && next === 'update'
        ? await this.#update(elements, this.#loaded)
        : await this.#load(elements, next === 'refill' && (await this.#hasOurLayout()))
    this.#next = 'update'
    return outcome
  }

  async verify(): Promise<'intact' | 'drifted'> {
    const loaded = this.#loaded
    if (loaded === undefined) return 'intact'
    // Until the kernel has said otherwise. A table that can't be listed is loaded again rather than asked for forever.
    this.#loaded = undefined
    this.#next = 'refill'
    const found = await this.#list(LIST_TABLE)
    if (found?.structure !== loaded.structure || renderUpdate(found.elements, loaded.elements) !== '')
      return 'drifted'
    this.#loaded = loaded
    this.#next = 'update'
    return 'intact'
  }

  async cleanup(): Promise<void> {
    this.#loaded = undefined
    this.#next = 'refill'
    await mustRun(this.#run, FROM_INPUT, renderCleanup())
  }

  async #load(elements: NftElements, hasOurLayout: boolean): Promise<ApplyOutcome> {
    this.#loaded = undefined
    const render = hasOurLayout ? renderRefill : renderReplacement
    await mustRun(this.#run, FROM_INPUT, render(elements, this.#groupId))
    const { structure } = parseListing(await mustRun(this.#run, LIST_STRUCTURE))
    this.#loaded = { structure, elements }
    return 'loaded'
  }

  async #update(
    elements: NftElements,
    loaded: Pick<NftListing, 'structure' | 'elements'>,
  ): Promise<ApplyOutcome> {
    const script = renderUpdate(loaded.elements, elements)
    if (script === '') return 'unchanged'
    await mustRun(this.#run, FROM_INPUT, script)
    this.#loaded = { ...loaded, elements }
    return 'updated'
  }

  async #hasOurLayout(): Promise<boolean> {
    const found = await this.#list(LIST_STRUCTURE)
    return found !== undefined && found.chains.toSorted().join() === nftChains().toSorted().join()
  }

  /** @returns `undefined` when there is no table of ours */
  async #list(command: readonly string[]): Promise<NftListing | undefined> {
    const result = await this.#run(command)
    if (result.code === 0) return parseListing(result.stdout)
    if (result.stderr.includes('No such file or directory')) return undefined
    throw failureOf(command, result)
  }
}
