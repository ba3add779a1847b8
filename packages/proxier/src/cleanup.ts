import { IPTABLES_FLAVOURS } from './backend/iptables/flavour.ts'
import { IptablesBackend } from './backend/iptables/iptables-backend.ts'
import { NftablesBackend } from './backend/nftables/nftables-backend.ts'
import type { RuleBackend } from './backend/rule-backend.ts'
import { mustRun, type RunCommand, runCommand } from './command/run-command.ts'
import { BridgeDevice } from './node/bridge-device.ts'
import type { NodeDeviceOptions } from './node/node-device.ts'

/** What `cleanupNode` did, one sentence without full stop for each thing. */
export interface NodeCleanup {
  readonly done: readonly string[]
  /** What may be left, and why. */
  readonly left: readonly string[]
}

/** Does not matter for what is removed. */
const ANY_GROUP = 0

/**
 * Removes everything of ours from this node's kernel, whichever backend or earlier version made it: rules, chains,
 * sets, and the node device. What can't be removed does not keep the rest. Sysctls stay as they are, and so does what
 * the kernel remembers of connections. Never rejects.
 */
export async function cleanupNode(
  { device: { name } }: { readonly device: Pick<NodeDeviceOptions, 'name'> },
  { run = runCommand }: { readonly run?: RunCommand } = {},
): Promise<NodeCleanup> {
  const done: string[] = []
  const left: string[] = []
  for (const { what, remove } of [...backends(run).map(rulesOf), setsOf(run), deviceOf(name, run)]) {
    const outcome = await remove().catch(asError)
    if (outcome instanceof Error) left.push(`${what}: ${outcome.message}`)
    else done.push(`${what}: ${outcome}`)
  }
  return { done, left }
}

interface Removal {
  readonly what: string
  /** @returns what came of it */
  readonly remove: () => Promise<string>
}

function backends(run: RunCommand): readonly RuleBackend[] {
  return [
    new NftablesBackend({ groupId: ANY_GROUP, failMode: 'closed' }, run),
    ...IPTABLES_FLAVOURS.map((flavour) => new IptablesBackend({ groupId: ANY_GROUP, flavour }, run)),
  ]
}

function rulesOf(backend: RuleBackend): Removal {
  return {
    what: `rules of ${backend.name}`,
    remove: async () => {
      await backend.cleanup()
      return 'none is left'
    },
  }
}

/** Of an agent that died while it tried what ipset can do: no rule has ever been in them. */
function setsOf(run: RunCommand): Removal {
  return {
    what: 'sets of ipset',
    remove: async () => {
      const names = (await mustRun(run, ['ipset', 'list', '-name'])).split('\n')
      const ours = names.filter((name) => name.startsWith('EDGEWAY-'))
      for (const name of ours) await mustRun(run, ['ipset', 'destroy', name])
      return ours.length === 0 ? 'none is left' : `removed: ${ours.join(', ')}`
    },
  }
}

function deviceOf(name: string, run: RunCommand): Removal {
  return {
    what: `network device ${name}`,
    remove: async () => ((await new BridgeDevice(name, run).remove()) ? 'removed' : 'was not there'),
  }
}

/** A missing tool is no failure: nothing is made with a tool on a node that does not have it. */
function asError(error: unknown): Error | string {
  if (!(error instanceof Error)) return new Error(String(error))
  const { cause } = error
  const isMissing = cause instanceof Error && 'code' in cause && cause.code === 'ENOENT'
  return isMissing ? 'nothing was there, since its tool is not installed' : error
}
