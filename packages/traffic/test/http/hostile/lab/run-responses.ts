// Runs inside a network namespace in which haproxy and nginx are started: has each response of the corpus come each of the ways
// that are named, and prints the outcomes as JSON. The one argument: a `Run`, as JSON.

import type { Socket } from 'node:net'
import type { PlacedRequest } from '../reading/lenient-reader.ts'
import type { HostileResponse } from '../responses/hostile-response.ts'
import { HOSTILE_RESPONSES } from '../responses/hostile-responses.ts'
import { LaneSet, type Run } from './lane-set.ts'
import { EARLY, echo } from './recorder.ts'
import { type ResponseOutcome, responseOutcomeOf } from './response-outcome.ts'
import { LANES } from './ways.ts'

const run: Run = JSON.parse(process.argv[2] ?? '{}')

/** By what each endpoint was asked last for a response of the corpus, by its port. */
const lastAsked = new Map<number, Socket>()

/** What a connection says before its next answer. */
const owed = new WeakMap<Socket, string>()

function answer(request: PlacedRequest, socket: Socket): void {
  const [, digits] = /\/(\d+)$/.exec(request.line) ?? []
  const response = digits === undefined ? undefined : HOSTILE_RESPONSES[Number(digits)]
  socket.write(owed.get(socket) ?? '', 'latin1')
  owed.delete(socket)
  if (response === undefined) echo(request, socket)
  else give(response, socket)
}

function give({ text, ends, owed: rest }: HostileResponse, socket: Socket): void {
  owed.set(socket, rest)
  lastAsked.set(socket.localPort ?? 0, socket)
  if (ends) socket.end(text, 'latin1')
  else socket.write(text, 'latin1')
}

await using lanes = await LaneSet.start(run, answer)
const outcomes = await Promise.all(
  lanes.all.map(async ({ way, lane, place, port }) => {
    const done: ResponseOutcome[] = []
    for (const [index, response] of HOSTILE_RESPONSES.entries()) {
      if (index % LANES !== lane) continue
      done.push(
        await responseOutcomeOf(response, `${response.upload === '' ? '/hostile/' : EARLY}${index}`, {
          way,
          place,
          lastAsked: () => lastAsked.get(port),
        }),
      )
    }
    return done
  }),
)
await lanes.edgeway.check()
process.stdout.write(JSON.stringify(outcomes.flat()))
