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
  const all = await backendsOf(options, run)
  const reasons: string[] = []
  for (const backend of all.filter(isWanted(options))) {
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
    const others = all.filter((other) => other !== backend)
    return { backend, capabilities, removeOthers: once(() => removeAll(others, logger)) }
  }
  throw new RulesUnavailableError(reasons.join('; '))
}

async function backendsOf({ groupId, failMode }: BackendOptions, run: RunCommand): Promise<RuleBackend[]> {
  const flavour = await findFlavour(run)
  return [
    new NftablesBackend({ groupId, failMode }, run),
    new IptablesBackend({ groupId, flavour }, run),
    new IptablesBackend({ groupId, flavour: flavour === 'nft' ? 'legacy' : 'nft' }, run),
  ]
}

function isWanted({ backend: wish }: BackendOptions): (backend: RuleBackend) => boolean {
  return ({ name }) => wish === 'auto' || name.startsWith(wish)
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
