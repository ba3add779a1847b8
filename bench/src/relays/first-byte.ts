import { roundTrip } from '@edgeway/testbed'
import { firstBytes } from '../probes/first-byte.ts'
import { median, type Result } from '../result.ts'
import { figuresOf } from './figures.ts'
import type { TwoRelaysScene } from './two-relays-scene.ts'

export const FIRST_BYTE_CASE = 'two NATs'

const ROUND_TRIP_MS = 50
const CONNECTED_RUNS = 40
/** What may pass until the first byte, in round trips, see P13. */
const ROUND_TRIPS = { connected: 2.5, notConnected: 7 }

/** First bytes across two NATs that can't be punched, where the far site is 50 ms away: with the peer connected, and not yet. */
export async function measureFirstByte(
  scene: TwoRelaysScene,
  runs: number,
  onStep: (step: string) => void,
): Promise<Result[]> {
  const { mesh, client, target } = scene
  const { lab } = mesh
  await using _wan = await lab.emulateWan(lab.router('far-site'), roundTrip(ROUND_TRIP_MS))
  const fresh: number[] = []
  for (let run = 1; run <= runs; run++) {
    onStep(`first byte, peer not yet connected: ${run} of ${runs}`)
    fresh.push(...(await afterRestart(scene)))
  }
  onStep('first byte, peer connected')
  const connected = await firstBytes(client, { ...target, count: CONNECTED_RUNS })
  return figuresOf(FIRST_BYTE_CASE, {
    'peer connected, ms beyond 2.5 round trips': [beyond([median(connected)], ROUND_TRIPS.connected), 'ms'],
    'peer not yet connected, ms beyond 7 round trips': [beyond(fresh, ROUND_TRIPS.notConnected), 'ms'],
    'peer connected': [median(connected), 'ms'],
    'peer not yet connected': [fresh, 'ms'],
  })
}

/** The client's agent knows the other one from before, and has a reservation at the relays; it has no connection. */
async function afterRestart(scene: TwoRelaysScene): Promise<readonly number[]> {
  const [agent] = scene.ends
  if (agent === undefined) throw new Error('the client has no agent')
  await agent.stop()
  await agent.start()
  await agent.whenReady()
  await scene.untilSessions(agent, scene.mesh.servers.length)
  return await firstBytes(scene.client, { ...scene.target, count: 1 })
}

function beyond(ms: readonly number[], roundTrips: number): readonly number[] {
  return ms.map((value) => value - roundTrips * ROUND_TRIP_MS)
}
