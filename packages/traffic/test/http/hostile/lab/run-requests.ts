// Runs inside a network namespace in which haproxy and nginx are started: sends the corpus each of the ways that are named,
// and prints the outcomes as JSON. The one argument: the ways, as JSON.

import { once } from 'node:events'
import { connect } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { HOSTILE_REQUESTS } from '../corpus/hostile-requests.ts'
import type { Place } from './call.ts'
import { Edgeway } from './edgeway.ts'
import { type Lane, type Outcome, outcomeOf } from './outcome.ts'
import { Recorder } from './recorder.ts'
import { endpointPort, LANES, peerPort, type Way } from './ways.ts'

const ways: readonly Way[] = JSON.parse(process.argv[2] ?? '[]')
const lanes = ways.flatMap((way) => Array.from({ length: LANES }, (_, lane) => ({ way, lane })))

/** Where Edgeway passes on to: the endpoint itself, or a peer in front of it. */
function target({ way, lane }: (typeof lanes)[number]): number {
  return way === 'edgeway' ? endpointPort(way, lane) : peerPort(way, lane)
}

function placeOf(edgeway: Edgeway, lane: (typeof lanes)[number]): Place {
  const port = target(lane)
  return lane.way.startsWith('edgeway') ? edgeway.place(port) : { ip: '127.0.0.1', port, from: '127.0.0.1' }
}

/** Until something listens there. */
async function listening(port: number): Promise<void> {
  for (const deadline = performance.now() + 10_000; ; await delay(20)) {
    const socket = connect({ host: '127.0.0.1', port })
    try {
      await once(socket, 'connect')
      return
    } catch (error) {
      if (performance.now() > deadline) throw error
    } finally {
      socket.destroy()
    }
  }
}

/** One after another: each lane has its share of the corpus. */
async function outcomesOf(lane: Lane, share: number): Promise<Outcome[]> {
  const outcomes: Outcome[] = []
  for (const [index, request] of HOSTILE_REQUESTS.entries())
    if (index % LANES === share) outcomes.push(await outcomeOf(request, lane))
  return outcomes
}

await using stack = new AsyncDisposableStack()
const endpoints: Recorder[] = []
for (const { way, lane } of lanes) endpoints.push(stack.use(await Recorder.start(endpointPort(way, lane))))
await Promise.all(lanes.map((lane) => listening(target(lane))))
const edgeway = stack.use(await Edgeway.start(lanes.map(target)))
const outcomes = await Promise.all(
  lanes.map((lane, index) => {
    const endpoint = endpoints[index]
    if (endpoint === undefined) throw new Error('each lane has an endpoint')
    return outcomesOf({ way: lane.way, place: placeOf(edgeway, lane), endpoint }, lane.lane)
  }),
)
process.stdout.write(JSON.stringify(outcomes.flat()))
