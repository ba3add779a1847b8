import { setTimeout as delay } from 'node:timers/promises'
import type { FlowReport } from '../probes/steady-flow.ts'
import { figuresOf } from '../relays/figures.ts'
import type { Result } from '../result.ts'
import { BENCH, type PathsPart } from './part.ts'
import type { PathsPlan } from './plan.ts'
import { FAR, NEIGHBOUR, type Peer, ThreeNodesScene } from './three-nodes-scene.ts'

const ROUND_TRIPS_MS = [0, 50]
/** A node that just started may have to find out what its NATs do. */
const UP_WITHIN_MS = 30_000
/** That long the open flow goes on beside the better path. */
const GOES_ON_MS = 2_000

interface Upgrade {
  /** From the first call until new ones took the best path; `undefined` when they never did. */
  readonly upSeconds: number | undefined
  readonly first: string
  readonly flow: FlowReport
}

/**
 * The agent of the caller starts anew and joins; then the first call comes, which opens a flow that goes on, and others follow
 * it in a steady row.
 */
export const BETTER_PATH_PART: PathsPart = {
  name: 'better-path',
  cases: ROUND_TRIPS_MS.flatMap((ms) => [NEIGHBOUR, FAR].map((peer) => caseOf(peer, ms))),
  async measure(plan, onStep) {
    await using scene = await ThreeNodesScene.start(onStep)
    const results: Result[] = []
    for (const roundTripMs of ROUND_TRIPS_MS) {
      await using _wan = await scene.emulateWan(roundTripMs)
      for (const peer of [NEIGHBOUR, FAR]) {
        onStep(caseOf(peer, roundTripMs))
        results.push(...figuresOfUpgrades(caseOf(peer, roundTripMs), await upgrades(scene, peer, plan)))
      }
    }
    return results
  },
}

async function upgrades(scene: ThreeNodesScene, peer: Peer, { runs }: PathsPlan): Promise<Upgrade[]> {
  const all: Upgrade[] = []
  while (all.length < runs) all.push(await upgrade(scene, peer))
  return all
}

async function upgrade(scene: ThreeNodesScene, peer: Peer): Promise<Upgrade> {
  const { caller } = scene
  await caller.stop()
  await caller.start()
  await caller.whenReady()
  await scene.untilJoined(caller)
  const since = Date.now()
  await using flow = await scene.openFlow(peer)
  await using steady = scene.steadyConnections(peer)
  const up = await scene.changeTo(peer.path, { peer, since, withinMs: UP_WITHIN_MS })
  await delay(GOES_ON_MS)
  const [change] = await scene.changesSince(peer, since)
  const attempts = await steady.attempts()
  if (attempts.every(({ outcome }) => outcome !== 'ok')) throw new Error(`no call to ${peer.node} worked`)
  return {
    // The first call is what made the agent look for a path.
    upSeconds: up === undefined || change === undefined ? undefined : (up.at - change.at) / 1_000,
    first: change?.to ?? 'none',
    flow: await flow.close(),
  }
}

function figuresOfUpgrades(name: string, all: readonly Upgrade[]): Result[] {
  const seconds = all.flatMap(({ upSeconds }) => upSeconds ?? [])
  const figures = {
    'better path up after s': [seconds.length < all.length ? undefined : seconds, 's'],
    'first calls relayed': [all.filter(({ first }) => first === 'relayed').length, 'count'],
    'open flows lost': [all.filter(({ flow }) => flow.isLost).length, 'count'],
    'longest gap of an open flow ms': [all.map(({ flow }) => flow.longestGapMs), 'ms'],
  } as const
  return figuresOf(name, figures, BENCH)
}

function caseOf({ path }: Peer, roundTripMs: number): string {
  return `better path comes up: ${path}, ${roundTripMs} ms`
}
