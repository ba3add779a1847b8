import type { MeshProcess } from '@edgeway/testbed'

export const RULE_MODES = ['KERNEL', 'AGENT'] as const
export type RuleMode = (typeof RULE_MODES)[number]

/** What an agent's proxier has done since its start. */
export interface Syncs {
  /** All of them together took so long. */
  readonly seconds: number
  readonly count: number
  readonly loaded: number
  readonly updated: number
  readonly failed: number
  /** How many rules it has in the kernel. */
  readonly rules: Readonly<Record<RuleMode, number>>
}

export async function syncsOf(agent: MeshProcess): Promise<Syncs> {
  return readSyncs(await agent.admin('/metrics'))
}

/** @param text - of `/metrics`; what is not in it is 0 */
export function readSyncs(text: string): Syncs {
  const lines = text.split('\n')
  const value = (name: string, label = ''): number => {
    const line = lines.find((one) => one.startsWith(`edgeway_proxier_${name}`) && one.includes(label))
    return line === undefined ? 0 : Number(line.slice(line.lastIndexOf(' ')))
  }
  const outcome = (name: string): number => value('syncs_total{', `outcome="${name}"`)
  return {
    seconds: value('sync_duration_seconds_sum'),
    count: value('sync_duration_seconds_count'),
    loaded: outcome('loaded'),
    updated: outcome('updated'),
    failed: outcome('failed'),
    rules: { KERNEL: value('rules{', 'mode="KERNEL"'), AGENT: value('rules{', 'mode="AGENT"') },
  }
}
