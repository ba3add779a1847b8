import { setTimeout as delay } from 'node:timers/promises'
import type { MeshProcess } from '@edgeway/testbed'
import { mustExec } from '../probes/must-exec.ts'
import { type Syncs, syncsOf } from './agent-syncs.ts'
import type { RuleSetup } from './rule-setup.ts'

const TIMEOUT_MS = 60_000
const POLL_MS = 50

/** Take away everything that a backend has loaded. */
const FLUSHES: Readonly<Record<RuleSetup['backend'], string>> = {
  nftables: 'nft delete table inet edgeway',
  iptables: 'iptables-nft -t nat -F; iptables-nft -t filter -F; ipset flush',
}

/**
 * Takes the rules away from an agent at rest.
 *
 * @returns how long the sync took that found this and loaded all of them again, in ms
 * @throws {Error} when none did in time
 */
export async function measureReload(agent: MeshProcess, { backend }: RuleSetup): Promise<number> {
  const before = await syncsOf(agent)
  await mustExec(agent.host, ['sh', '-c', FLUSHES[backend]])
  const deadline = Date.now() + TIMEOUT_MS
  for (;;) {
    const now = await syncsOf(agent)
    if (now.loaded > before.loaded) return millisecondsBetween(before, now)
    if (Date.now() > deadline)
      throw new Error(`rules that were taken away did not come back: ${JSON.stringify(now)}`)
    await delay(POLL_MS)
  }
}

/** Looks that found nothing to do are among the syncs, and cost next to nothing. */
function millisecondsBetween(before: Syncs, now: Syncs): number {
  return (now.seconds - before.seconds) * 1_000
}
