import { setTimeout as delay } from 'node:timers/promises'
import type { MeshProcess } from '@edgeway/testbed'
import { type RuleMode, type Syncs, syncsOf } from './agent-syncs.ts'

/** How an agent brings rules into the kernel, and of which mode those of the many Services are. */
export interface RuleSetup {
  readonly backend: 'nftables' | 'iptables'
  readonly mode: RuleMode
  /** How often the rules are looked at; often, unless given. */
  readonly resyncIntervalMs?: number
}

const RESYNC_MS = 1_000

/** With iptables there are never more KERNEL rules. */
const MAX_IPTABLES_KERNEL = 1_000
const TIMEOUT_MS = 60_000
const POLL_MS = 100
/** Endpoints are made up, so an agent that looks after those of its own node would find them dead. */
const NEVER_MS = 86_400_000

/** Those that there are for so many ServicePorts; nftables last, which is quickest when more Services are made next. */
export function setupsOf(servicePorts: number): readonly RuleSetup[] {
  const setups: readonly RuleSetup[] = [
    { backend: 'iptables', mode: 'KERNEL' },
    { backend: 'iptables', mode: 'AGENT' },
    { backend: 'nftables', mode: 'AGENT' },
    { backend: 'nftables', mode: 'KERNEL' },
  ]
  return servicePorts <= MAX_IPTABLES_KERNEL ? setups : setups.slice(1)
}

/**
 * Starts the agent anew, on the store of the one before. Its endpoints are on its own node: for AGENT rules it is told to
 * leave nothing to the kernel.
 *
 * @param count - rules that it is to have of that mode
 * @returns its syncs up to then: the load and perhaps one after it, so their time is the load's at most
 * @throws {Error} when it has not as many in time, or needed more than one load
 */
export async function restartAgent(
  agent: MeshProcess,
  { backend, mode, resyncIntervalMs = RESYNC_MS }: RuleSetup,
  count: number,
): Promise<Syncs> {
  const kernelPath = mode === 'KERNEL' ? 'auto' : 'off'
  await agent.stop()
  await agent.start({
    config: {
      proxier: { backend, kernelPath, resyncIntervalMs },
      // As shipped: the lab's agents ask for lists every few seconds.
      metadata: { ownEndpoints: { checkIntervalMs: NEVER_MS } },
    },
  })
  const syncs = await untilRules(agent, mode, count)
  if (syncs.loaded !== 1 || syncs.failed > 0)
    throw new Error(`${syncs.loaded} loads and ${syncs.failed} failures after a start`)
  return syncs
}

async function untilRules(agent: MeshProcess, mode: RuleMode, count: number): Promise<Syncs> {
  const deadline = Date.now() + TIMEOUT_MS
  for (;;) {
    const syncs = await syncsOf(agent)
    if (syncs.rules[mode] >= count) return syncs
    if (Date.now() > deadline)
      throw new Error(
        `${count} ${mode} rules expected, after ${TIMEOUT_MS / 1_000} s: ${JSON.stringify(syncs)}`,
      )
    await delay(POLL_MS)
  }
}
