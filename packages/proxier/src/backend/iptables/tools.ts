import type { IpFamily } from '@edgeway/core'
import type { CommandResult, RunCommand } from '../../command/run-command.ts'
import { detectFlavour, IPTABLES_FLAVOURS, type IptablesFlavour } from './flavour.ts'

type PerFamily = Readonly<Record<IpFamily, readonly string[]>>

/** The commands of one flavour, without arguments of a certain call. */
export interface IptablesTools {
  readonly save: PerFamily
  readonly restore: PerFamily
}

/** The kernel lists the legacy tables that exist here. Listing one that doesn't would make it, and its hooks. */
const LEGACY_TABLES = ['/proc/net/ip_tables_names', '/proc/net/ip6_tables_names'] as const

/**
 * Finds the commands of a flavour: under its own names, or as the only iptables of the node.
 *
 * @returns `undefined` when they are not installed
 */
export async function findTools(
  flavour: IptablesFlavour,
  run: RunCommand,
): Promise<IptablesTools | undefined> {
  if ((await tryRun(run, [`iptables-${flavour}-save`, '--version']))?.code === 0)
    return toolsNamed(`tables-${flavour}`)
  const plain = await tryRun(run, ['iptables', '--version'])
  if (plain?.code !== 0) return undefined
  return plain.stdout.includes('nf_tables') === (flavour === 'nft') ? toolsNamed('tables') : undefined
}

/** Whether there is any legacy table of the family: only then may the legacy commands be asked what is there. */
export async function hasLegacyTables(family: IpFamily, run: RunCommand): Promise<boolean> {
  const names = await tryRun(run, ['cat', LEGACY_TABLES[family === 'IPv4' ? 0 : 1]])
  return names?.code === 0 && names.stdout.trim() !== ''
}

/** Looks at the rules on the node, making no table, and says which flavour is in use. */
export async function findFlavour(run: RunCommand): Promise<IptablesFlavour> {
  const [nft, legacy] = await Promise.all(IPTABLES_FLAVOURS.map((flavour) => savedRules(flavour, run)))
  return detectFlavour({ nft, legacy })
}

async function savedRules(flavour: IptablesFlavour, run: RunCommand): Promise<string | undefined> {
  const tools = await findTools(flavour, run)
  if (tools === undefined) return undefined
  const families = await familiesToAsk(flavour, run)
  const results = await Promise.all(families.map((family) => tryRun(run, tools.save[family])))
  return results.map((result) => result?.stdout ?? '').join('')
}

/** The families in which rules of a flavour can be, which may be listed without changing anything. */
export async function familiesToAsk(flavour: IptablesFlavour, run: RunCommand): Promise<IpFamily[]> {
  const families: IpFamily[] = ['IPv4', 'IPv6']
  if (flavour === 'nft') return families
  const there = await Promise.all(families.map((family) => hasLegacyTables(family, run)))
  return families.filter((_, index) => there[index] === true)
}

/** @returns `undefined` when the command can't be started */
async function tryRun(run: RunCommand, command: readonly string[]): Promise<CommandResult | undefined> {
  try {
    return await run(command)
  } catch {
    return undefined
  }
}

function toolsNamed(name: string): IptablesTools {
  const restore = [`${name}-restore`, '-w', '5', '--noflush']
  return {
    save: { IPv4: [`ip${name}-save`], IPv6: [`ip6${name}-save`] },
    restore: { IPv4: prefixed('ip', restore), IPv6: prefixed('ip6', restore) },
  }
}

function prefixed(prefix: string, [name = '', ...args]: readonly string[]): string[] {
  return [`${prefix}${name}`, ...args]
}
