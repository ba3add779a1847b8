// Runs inside a network namespace in which haproxy and nginx are started: sends the corpus each of the ways that are named,
// and prints the outcomes as JSON. The one argument: a `Run`, as JSON.

import { HOSTILE_REQUESTS } from '../corpus/hostile-requests.ts'
import { LaneSet, type OpenLane, type Run } from './lane-set.ts'
import { type Outcome, outcomeOf } from './outcome.ts'
import { LANES } from './ways.ts'

const run: Run = JSON.parse(process.argv[2] ?? '{}')

/** One after another: each lane has its share of the corpus. */
async function outcomesOf(lane: OpenLane): Promise<Outcome[]> {
  const outcomes: Outcome[] = []
  for (const [index, request] of HOSTILE_REQUESTS.entries())
    if (index % LANES === lane.lane) outcomes.push(await outcomeOf(request, lane))
  return outcomes
}

await using lanes = await LaneSet.start(run)
const outcomes = await Promise.all(lanes.all.map(outcomesOf))
await lanes.edgeway.check()
process.stdout.write(JSON.stringify(outcomes.flat()))
