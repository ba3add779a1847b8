import { fileURLToPath } from 'node:url'
import {
  GRID_PAIRS,
  type GridKind,
  type GridPunch,
  isPunchable,
  PunchGrid,
  roundTrip,
} from '@edgeway/testbed'
import { absolute, type MetricName, median, type Result } from '../result.ts'

export const P14_CASE = 'dropping and rejecting routers, 20 to 200 ms'

const BENCH = 'paths'
const PROGRAM = fileURLToPath(new URL('../../../packages/tunnel/test/punching/grid-node.ts', import.meta.url))
const ROUND_TRIPS_MS = [0, 20, 50, 200]
/** On a long way nodes mostly wait, so that several pairs at a time disturb each other little. */
const LONG_WAY = { ms: 50, grids: 3 }
/** Those of P14: mappings that do not depend on the destination, filtering by address and port. */
const P14_KINDS: readonly GridKind[] = ['endpoint-independent', 'rejecting', 'port-changing', 'double']

interface PairPunches {
  readonly pair: readonly [left: GridKind, right: GridKind]
  readonly roundTripMs: number
  readonly punches: readonly GridPunch[]
}

/** All pairs of NATs, each punched so many times at each round-trip time; once where it can't be. */
export async function measurePunching(times: number, onStep: (step: string) => void): Promise<Result[]> {
  const all: PairPunches[] = []
  for (const roundTripMs of ROUND_TRIPS_MS) all.push(...(await punchAll(roundTripMs, { times, onStep })))
  return [...ROUND_TRIPS_MS.flatMap((ms) => figuresAt(ms, all)), shareOfP14(all)]
}

async function punchAll(
  roundTripMs: number,
  { times, onStep }: { readonly times: number; readonly onStep: (step: string) => void },
): Promise<PairPunches[]> {
  const all: PairPunches[] = []
  /** All grids take from it. */
  const pairs = GRID_PAIRS.values()
  const work = async (): Promise<void> => {
    await using grid = await startGrid(roundTripMs)
    for (const pair of pairs) {
      onStep(`${pair.join(' and ')}, ${roundTripMs} ms round trip`)
      const punches: GridPunch[] = []
      const count = isPunchable(...pair) ? times : 1
      while (punches.length < count) punches.push(await grid.punch(...pair))
      all.push({ pair, roundTripMs, punches })
    }
  }
  const grids = roundTripMs < LONG_WAY.ms ? 1 : LONG_WAY.grids
  await Promise.all(Array.from({ length: grids }, work))
  return all
}

/** Each side's link has half of the delay, so that the way over the relay takes as long as the punched one. */
async function startGrid(roundTripMs: number): Promise<PunchGrid> {
  const grid = await PunchGrid.start(PROGRAM)
  if (roundTripMs > 0)
    await Promise.all(grid.routers.map((router) => grid.lab.emulateWan(router, roundTrip(roundTripMs / 2))))
  return grid
}

function figuresAt(roundTripMs: number, all: readonly PairPunches[]): Result[] {
  const here = all.filter((one) => one.roundTripMs === roundTripMs)
  const possible = here.filter(({ pair }) => isPunchable(...pair))
  const punched = possible.flatMap(({ punches }) => punches.filter(isPunched))
  const useless = here.filter(({ pair }) => !isPunchable(...pair)).flatMap(({ punches }) => punches)
  const figure = (metric: string, unit: string): MetricName => ({
    ...{ bench: BENCH, case: `punching, ${roundTripMs} ms round trip`, metric, unit },
  })
  return [
    ...possible.map(({ pair, punches }) => absolute(figure(pair.join(' and '), 'share'), [shareOf(punches)])),
    absolute(figure('tried in vain where there is no way', 'punches'), [
      useless.filter(({ tries }) => tries > 0).length,
    ]),
    absolute(figure('tries of a punched path', 'tries'), [mean(punched.map(({ tries }) => tries))]),
    absolute(figure('time to a punched path', 'ms'), [median(punched.map(({ tookMs }) => tookMs))]),
  ]
}

function shareOfP14(all: readonly PairPunches[]): Result {
  const counted = all.filter(
    ({ pair, roundTripMs }) => roundTripMs > 0 && pair.every((kind) => P14_KINDS.includes(kind)),
  )
  const name = {
    ...{ bench: BENCH, case: P14_CASE },
    ...{ metric: 'share within 3 tries', unit: 'share' },
  }
  return absolute(name, [shareOf(counted.flatMap(({ punches }) => punches))])
}

function isPunched({ outcome, path }: GridPunch): boolean {
  return outcome === 'punched' && path === 'punched'
}

function shareOf(punches: readonly GridPunch[]): number {
  return punches.filter(isPunched).length / punches.length
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}
