import { setTimeout as delay } from 'node:timers/promises'
import type { MeshProcess } from '@edgeway/testbed'
import { cpuSecondsWithChildren } from '../cpu.ts'
import { syncsOf } from './agent-syncs.ts'

/** The agent has had that long to come to rest. */
const REST_MS = 10_000

/**
 * CPU time of the agent and its commands while nothing changes, in percent of a core.
 *
 * @throws {Error} when something changed, or the rules were never verified: they are in every sync's time
 */
export async function measureIdleCpu(agent: MeshProcess, forMs: number): Promise<number> {
  await delay(REST_MS)
  const syncsBefore = await syncsOf(agent)
  const [cpuBefore, startedAt] = [await cpuSecondsWithChildren([agent.pid]), performance.now()]
  await delay(forMs)
  const spent = (await cpuSecondsWithChildren([agent.pid])) - cpuBefore
  const seconds = (performance.now() - startedAt) / 1_000
  const syncs = await syncsOf(agent)
  if (syncs.updated > syncsBefore.updated) throw new Error('the rules changed meanwhile')
  if (syncs.count === syncsBefore.count) throw new Error('the rules were not verified meanwhile')
  return (spent / seconds) * 100
}
