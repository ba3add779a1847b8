import { setTimeout as delay } from 'node:timers/promises'
import { ATTEMPT_TIMEOUT_MS, longestSilence, outageOf } from '../probes/steady.ts'
import { figuresOf } from '../relays/figures.ts'
import type { Result } from '../result.ts'
import { DISTURBANCES, type Disturbance } from './disturbances.ts'
import { BENCH, missingOf, type PathsPart } from './part.ts'
import { ThreeNodesScene } from './three-nodes-scene.ts'

const ROUND_TRIPS_MS = [0, 50]
/** Of a steady row of calls, before anything is disturbed. */
const BEFORE_MS = 1_000
/** New calls are looked at for that long afterwards. */
const WATCH_MS = 5_000
/** Slower ones still suffer. */
const QUICK_MS = 500
/** Until a path that can be there again is used again. */
const BACK_WITHIN_MS = 60_000

/** What a disturbance meant to calls; `undefined` where it never came. */
interface Suffered {
  /** Until new calls took another path. */
  readonly noticedSeconds: number | undefined
  readonly silenceSeconds: number
  readonly outageSeconds: number
  readonly failed: number
  /** From when the path could be there again until new calls took it. */
  readonly backSeconds: number | undefined
}

/** Time to detect, and to recover: what becomes of calls while something happens to the path that they take. */
export const BROKEN_PATHS_PART: PathsPart = {
  name: 'broken-paths',
  cases: ROUND_TRIPS_MS.flatMap((ms) => DISTURBANCES.map((one) => caseOf(one, ms))),
  async measure({ runs }, onStep) {
    await using scene = await ThreeNodesScene.start(onStep)
    const results: Result[] = []
    for (const roundTripMs of ROUND_TRIPS_MS) {
      await using _wan = await scene.emulateWan(roundTripMs)
      for (const disturbance of DISTURBANCES) {
        const name = caseOf(disturbance, roundTripMs)
        onStep(name)
        results.push(...(await measureOne(scene, disturbance, { name, runs, onStep })))
      }
    }
    return results
  },
}

interface Run {
  readonly name: string
  readonly runs: number
  readonly onStep: (step: string) => void
}

/** What fails takes no other disturbance's figures along. */
async function measureOne(
  scene: ThreeNodesScene,
  disturbance: Disturbance,
  { name, runs, onStep }: Run,
): Promise<readonly Result[]> {
  const all: Suffered[] = []
  try {
    while (all.length < runs) all.push(await disturb(scene, disturbance))
    return resultsOf(name, disturbance, all)
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    onStep(`${name} failed: ${reason}`)
    return missingOf([name], reason)
  }
}

async function disturb(scene: ThreeNodesScene, disturbance: Disturbance): Promise<Suffered> {
  const { peer, isDeadly, isUntilUndone } = disturbance
  await scene.untilBestPath(peer)
  await using steady = scene.steadyConnections(peer)
  await delay(BEFORE_MS)
  const since = Date.now()
  await disturbance.apply(scene)
  await delay(WATCH_MS)
  const undoneAt = isUntilUndone ? Date.now() : since
  if (isUntilUndone) await disturbance.undo(scene)
  const until = since + WATCH_MS
  const [noticed] = await scene.changesSince(peer, since)
  const withinMs = BACK_WITHIN_MS
  const back = isDeadly ? await scene.changeTo(peer.path, { peer, since: undoneAt, withinMs }) : undefined
  if (!isUntilUndone) await disturbance.undo(scene)
  await delay(Math.max(0, until + ATTEMPT_TIMEOUT_MS - Date.now()))
  const attempts = (await steady.attempts()).filter(({ startedAt }) => startedAt < until)
  const outage = outageOf(attempts, since, QUICK_MS)
  return {
    noticedSeconds: noticed === undefined ? undefined : (noticed.at - since) / 1_000,
    silenceSeconds: longestSilence(attempts, since, until),
    outageSeconds: outage.seconds,
    failed: outage.failed,
    backSeconds: back === undefined ? undefined : (back.at - undoneAt) / 1_000,
  }
}

function resultsOf(name: string, { isDeadly }: Disturbance, all: readonly Suffered[]): Result[] {
  const ifAll = (values: readonly (number | undefined)[]): readonly number[] | undefined => {
    const known = values.flatMap((value) => value ?? []).filter(Number.isFinite)
    return known.length === values.length ? known : undefined
  }
  const ofCalls = {
    'longest time without an answer s': [all.map(({ silenceSeconds }) => silenceSeconds), 's'],
    'new flows after s': [ifAll(all.map(({ outageSeconds }) => outageSeconds)), 's'],
    'failed connections': [all.map(({ failed }) => failed), 'count'],
  } as const
  const ofPath = {
    'noticed after s': [ifAll(all.map(({ noticedSeconds }) => noticedSeconds)), 's'],
    'best path again after s': [ifAll(all.map(({ backSeconds }) => backSeconds)), 's'],
  } as const
  return figuresOf(name, isDeadly ? { ...ofPath, ...ofCalls } : ofCalls, BENCH)
}

function caseOf({ name }: Disturbance, roundTripMs: number): string {
  return `${name}, ${roundTripMs} ms`
}
