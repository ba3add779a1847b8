import { setTimeout as delay } from 'node:timers/promises'
import type { MeshProcess } from '@edgeway/testbed'
import { outageOf, type SteadyConnections } from '../probes/steady.ts'
import type { Result } from '../result.ts'
import { figuresOf } from './figures.ts'
import type { TwoRelaysScene } from './two-relays-scene.ts'

/** New connections are looked at for that long after a disturbance. */
const WATCH_MS = 8_000
/** Of a steady row, before anything is disturbed. */
const BEFORE_MS = 1_000
/** Slower ones still suffer: usually they take a few milliseconds. */
const QUICK_MS = 500

/** The relay in use dies while new connections come in a steady row: by kill -9, and by a link that is cut silently. */
export async function measureFailover(
  scene: TwoRelaysScene,
  runs: number,
  onStep: (step: string) => void,
): Promise<Result[]> {
  await using steady = scene.steadyConnections()
  const kills: Disturbance[] = []
  const cuts: Disturbance[] = []
  for (let run = 1; run <= runs; run++) {
    onStep(`failover ${run} of ${runs}: the relay in use is killed`)
    kills.push(await disturb(scene, steady, KILL))
    onStep(`failover ${run} of ${runs}: the link of the relay in use is cut`)
    cuts.push(await disturb(scene, steady, CUT))
  }
  return [...resultsOf('the relay in use is killed', kills), ...resultsOf("the relay's link is cut", cuts)]
}

interface Disturbance {
  readonly outageSeconds: number
  readonly failed: number
  readonly slowestSeconds: number
  /** From the end of what was done to the relay until both agents use it again. */
  readonly backAfterSeconds: number
}

interface Deed {
  apply(scene: TwoRelaysScene, relay: MeshProcess): Promise<unknown>
  undo(scene: TwoRelaysScene, relay: MeshProcess): Promise<unknown>
}

const KILL: Deed = { apply: (_, relay) => relay.kill(), undo: (_, relay) => relay.start() }
const CUT: Deed = {
  apply: ({ mesh }, { host }) => mesh.lab.setLink(host, 'down'),
  undo: ({ mesh }, { host }) => mesh.lab.setLink(host, 'up'),
}

async function disturb(scene: TwoRelaysScene, steady: SteadyConnections, deed: Deed): Promise<Disturbance> {
  await delay(BEFORE_MS)
  const relay = await scene.relayInUse()
  const since = Date.now()
  await deed.apply(scene, relay)
  await delay(WATCH_MS)
  const outage = outageOf(await steady.attempts(), since, QUICK_MS)
  await deed.undo(scene, relay)
  const undoneAt = performance.now()
  await Promise.all(scene.ends.map((agent) => scene.untilSessions(agent, scene.mesh.servers.length)))
  return {
    outageSeconds: outage.seconds,
    failed: outage.failed,
    slowestSeconds: outage.slowestSeconds,
    backAfterSeconds: (performance.now() - undoneAt) / 1_000,
  }
}

function resultsOf(name: string, all: readonly Disturbance[]): Result[] {
  return figuresOf(name, {
    'new flows after s': [all.map(({ outageSeconds }) => outageSeconds), 's'],
    'failed connections': [all.map(({ failed }) => failed), 'count'],
    'slowest connection': [all.map(({ slowestSeconds }) => slowestSeconds), 's'],
    'used again after s': [all.map(({ backAfterSeconds }) => backAfterSeconds), 's'],
  })
}
