import { type NftListing, parseListing } from './nftables-listing.ts'
import { elementsOf, NFT_TABLE, renderCleanup, renderLoad, renderUpdate } from './nftables-ruleset.ts'
import type { ApplyOutcome, ProbeResult, RuleBackend } from './rule-backend.ts'
import type { Rule } from './rules.ts'
import { type CommandResult, failureOf, mustRun, type RunCommand } from './run-command.ts'

const FROM_INPUT = ['nft', '-f', '-'] as const
const CHECK_INPUT = ['nft', '-c', '-f', '-'] as const
const LIST_TABLE = ['nft', '-j', 'list', 'table', ...NFT_TABLE.split(' ')] as const
/** Without the elements. */
const LIST_STRUCTURE = ['nft', '-j', '-t', 'list', 'table', ...NFT_TABLE.split(' ')] as const

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
  #loaded: NftListing | undefined
  /** Set after a failed change, which may have found a table that is not as we left it. */
  #mustLoad = true

  /** @param groupId - what processes of this group send is never touched */
  constructor(groupId: number, run: RunCommand) {
    this.#groupId = groupId
    this.#run = run
  }

  async probe(): Promise<ProbeResult> {
    try {
      await mustRun(this.#run, CHECK_INPUT, renderLoad(elementsOf(SAMPLE_RULES), this.#groupId))
      // A build of nft without JSON can load rules but not verify them.
      await mustRun(this.#run, ['nft', '-j', 'list', 'tables'])
      return { usable: true }
    } catch (error) {
      return { usable: false, reason: error instanceof Error ? error.message : String(error) }
    }
  }

  async apply(rules: readonly Rule[]): Promise<ApplyOutcome> {
    const mustLoad = this.#mustLoad
    this.#mustLoad = true
    const outcome =
      this.#loaded === undefined || mustLoad
        ? await this.#load(rules)
        : await this.#update(rules, this.#loaded)
    this.#mustLoad = false
    return outcome
  }

  async verify(): Promise<'intact' | 'drifted'> {
    const loaded = this.#loaded
    if (loaded === undefined) return 'intact'
    const found = await this.#list()
    if (found !== undefined && isSame(found, loaded)) return 'intact'
    this.#loaded = undefined
    return 'drifted'
  }

  async cleanup(): Promise<void> {
    this.#loaded = undefined
    await mustRun(this.#run, FROM_INPUT, renderCleanup())
  }

  async #load(rules: readonly Rule[]): Promise<ApplyOutcome> {
    const elements = elementsOf(rules)
    await mustRun(this.#run, FROM_INPUT, renderLoad(elements, this.#groupId))
    const { structure } = parseListing(await mustRun(this.#run, LIST_STRUCTURE))
    this.#loaded = { structure, elements }
    return 'loaded'
  }

  async #update(rules: readonly Rule[], { structure, elements: before }: NftListing): Promise<ApplyOutcome> {
    const elements = elementsOf(rules)
    const script = renderUpdate(before, elements)
    if (script === '') return 'unchanged'
    await mustRun(this.#run, FROM_INPUT, script)
    this.#loaded = { structure, elements }
    return 'updated'
  }

  async #list(): Promise<NftListing | undefined> {
    const result = await this.#run(LIST_TABLE)
    if (result.code === 0) return parseListing(result.stdout)
    if (isMissing(result)) return undefined
    throw failureOf(LIST_TABLE, result)
  }
}

function isSame(found: NftListing, wanted: NftListing): boolean {
  return found.structure === wanted.structure && renderUpdate(found.elements, wanted.elements) === ''
}

function isMissing({ stderr }: CommandResult): boolean {
  return stderr.includes('No such file or directory')
}
