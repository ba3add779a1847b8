import type { Logger } from '@edgeway/core'
import type { RunCommand } from '../command/run-command.ts'
import { RulesUnavailableError } from '../errors.ts'
import { IptablesBackend } from './iptables/iptables-backend.ts'
import { findFlavour } from './iptables/tools.ts'
import { NftablesBackend } from './nftables/nftables-backend.ts'
import type { Capabilities, RuleBackend } from './rule-backend.ts'

/** A backend that works on this node. */
export interface ChosenBackend {
  readonly backend: RuleBackend
  readonly capabilities: Capabilities
  /** Removes what an earlier process may have left by means of another backend. */
  removeOthers(): Promise<void>
}

export interface BackendOptions {
  readonly backend: 'auto' | 'nftables' | 'iptables'
  readonly failMode: 'closed' | 'open'
  /** What processes of this group send is never touched. */
  readonly groupId: number
}

/**
 * Tries the backends in order of preference and takes the first one that works.
 *
 * @throws {RulesUnavailableError} when none does; says of each what is missing
 */
export async function chooseBackend(
  options: BackendOptions,
  { run, logger }: { readonly run: RunCommand; readonly logger: Logger },
): Promise<ChosenBackend> {
  const reasons: string[] = []
  for await (const backend of inOrder(options, run)) {
    const probe = await backend.probe()
    if (!probe.usable) {
      reasons.push(`${backend.name}: ${probe.reason}`)
      continue
    }
    const { capabilities } = probe
    logger.info('rules are loaded by this backend', {
      backend: backend.name,
      capabilities,
      unusable: reasons,
    })
    if (options.failMode === 'open' && !capabilities.failOpen)
      logger.warn('this backend keeps its rules when the agent crashes: failMode open is not possible', {
        backend: backend.name,
      })
    const others = ALL.filter((name) => name !== backend.name).map((name) => make(name, options, run))
    return { backend, capabilities, removeOthers: once(() => removeAll(others, logger)) }
  }
  throw new RulesUnavailableError(reasons.join('; '))
}

const ALL = ['nftables', 'iptables-nft', 'iptables-legacy'] as const

type BackendName = (typeof ALL)[number]

/** Those that are wanted; which flavour of iptables is in use on the node is looked for only when it matters. */
async function* inOrder(options: BackendOptions, run: RunCommand): AsyncGenerator<RuleBackend> {
  if (options.backend !== 'iptables') yield make('nftables', options, run)
  if (options.backend === 'nftables') return
  const flavour = await findFlavour(run)
  yield make(`iptables-${flavour}`, options, run)
  yield make(flavour === 'nft' ? 'iptables-legacy' : 'iptables-nft', options, run)
}

function make(name: BackendName, { groupId, failMode }: BackendOptions, run: RunCommand): RuleBackend {
  if (name === 'nftables') return new NftablesBackend({ groupId, failMode }, run)
  return new IptablesBackend({ groupId, flavour: name === 'iptables-nft' ? 'nft' : 'legacy' }, run)
}

async function removeAll(others: readonly RuleBackend[], logger: Logger): Promise<void> {
  for (const backend of others) {
    try {
      await backend.cleanup()
    } catch (error) {
      // Mostly a tool that is not there, and so has left nothing.
      logger.debug('rules of another backend could not be looked for', { backend: backend.name, error })
    }
  }
}

function once(work: () => Promise<void>): () => Promise<void> {
  let done: Promise<void> | undefined
  return () => (done ??= work())
}
