import { setTimeout as delay } from 'node:timers/promises'
import type { MeshProcess } from '@edgeway/testbed'
import type { Scene } from '../scene.ts'
import { type Syncs, syncsOf } from './agent-syncs.ts'
import { ChangedService } from './changed-service.ts'

const CHANGES = 5
const MS_PER_SECOND = 1_000
const WITHIN_MS = 10_000
const POLL_MS = 50
/** What else follows from a change has been done by then: listeners, conntrack. */
const REST_MS = 300

/** A figure per change, by metric, in milliseconds. */
type ChangeFigures = Readonly<
  Record<'one change ms' | 'in effect ms' | 'in effect after the event ms', number[]>
>

/**
 * Takes all endpoints from one Service and gives them back, several times.
 *
 * @throws {Error} when a change is not in effect in time
 */
export async function measureSingleChanges(scene: Scene): Promise<ChangeFigures> {
  const agent = scene.mesh.agent('edge-1')
  const figures: ChangeFigures = {
    'one change ms': [],
    'in effect ms': [],
    'in effect after the event ms': [],
  }
  await using service = await ChangedService.start(scene)
  // The first one is for warming up.
  for (let number = 0; number <= CHANGES; number++) {
    await delay(REST_MS)
    const before = await syncsOf(agent)
    const { answered, told, inEffect } = await service.change(number % 2 === 0 ? 'refused' : 'accepted')
    const spent = msPerUpdate(before, await untilUpdated(agent, before.updated))
    if (number === 0) continue
    figures['one change ms'].push(spent)
    figures['in effect ms'].push(inEffect - answered)
    figures['in effect after the event ms'].push(inEffect - told)
  }
  return figures
}

/** All that syncs took meanwhile counts, those included that found nothing to do. */
export function msPerUpdate(
  before: Pick<Syncs, 'seconds' | 'updated'>,
  after: Pick<Syncs, 'seconds' | 'updated'>,
): number {
  return ((after.seconds - before.seconds) * MS_PER_SECOND) / (after.updated - before.updated)
}

async function untilUpdated(agent: MeshProcess, updatedBefore: number): Promise<Syncs> {
  const deadline = Date.now() + WITHIN_MS
  for (;;) {
    await delay(POLL_MS)
    const syncs = await syncsOf(agent)
    if (syncs.failed > 0) throw new Error('a sync has failed')
    if (syncs.updated > updatedBefore) return syncs
    if (Date.now() > deadline) throw new Error('the change is in effect, but no sync has updated anything')
  }
}
