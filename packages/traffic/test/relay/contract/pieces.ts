import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { Socket } from 'node:net'
import { buffer } from 'node:stream/consumers'
import fc from 'fast-check'
import type { RelayWorld } from '../relay-world.ts'
import type { RelayCase } from './case.ts'

const MAX_PIECE_BYTES = 200_000
const RUNS = 30

export const PIECES_CASES: readonly RelayCase[] = [
  ['carries any pieces both ways, whenever they and the ends come', anyPieces],
]

interface Piece {
  readonly bytes: number
  /** The turn of the event loop ends before it, so that what came so far is on its way. */
  readonly isLate: boolean
}

const anyWay = fc.array(
  fc.record({
    bytes: fc.oneof(fc.nat({ max: 100 }), fc.nat({ max: MAX_PIECE_BYTES })),
    isLate: fc.boolean(),
  }),
  { maxLength: 12 },
)

async function anyPieces(world: RelayWorld): Promise<void> {
  await fc.assert(
    fc.asyncProperty(anyWay, anyWay, async (there, back) => {
      const { client, endpoint, relay } = await world.join()
      const [sent, received, atEndpoint, atClient] = await Promise.all([
        send(client, there, 1),
        send(endpoint, back, 2),
        buffer(endpoint),
        buffer(client),
      ])
      assert.ok(atEndpoint.equals(sent), 'what came to the endpoint')
      assert.ok(atClient.equals(received), 'what came to the client')
      assert.equal(await relay.ended, 'completed')
      assert.deepEqual([relay.bytesSent, relay.bytesReceived], [sent.length, received.length])
    }),
    { numRuns: RUNS },
  )
}

/** Sends pieces that differ in each byte's place, then the end. Resolves with all of them. */
async function send(socket: Socket, pieces: readonly Piece[], seed: number): Promise<Buffer> {
  const total = pieces.reduce((sum, { bytes }) => sum + bytes, 0)
  const all = Buffer.alloc(total)
  for (let at = 0; at < total; at++) all[at] = (at * 31 + (at >> 8) + seed) & 0xff
  let at = 0
  for (const { bytes, isLate } of pieces) {
    if (isLate) await new Promise((resolve) => setImmediate(resolve))
    if (!socket.write(all.subarray(at, at + bytes))) await once(socket, 'drain')
    at += bytes
  }
  socket.end()
  return all
}
