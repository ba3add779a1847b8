import { once } from 'node:events'
import type { Socket } from 'node:net'
import { buffer } from 'node:stream/consumers'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Bulk, digestOf } from '../bulk.ts'
import { turns, WIRE_KINDS, WireWorld } from './wire-world.ts'

const MIB = 1024 * 1024

const PAIRS = WIRE_KINDS.flatMap((a) => WIRE_KINDS.map((b) => [a, b] as const))

describe.each(PAIRS)('wires by %s and %s', (...kinds) => {
  it('carry 100 MB both ways unchanged', async () => {
    await using world = await WireWorld.open()
    const joined = await world.joined(kinds)
    const [there, back] = [new Bulk(100 * MIB), new Bulk(100 * MIB + 1)]
    there.pipe(joined.one)
    back.pipe(joined.other)
    const [atOther, atOne] = await Promise.all([digestOf(joined.other), digestOf(joined.one)])

    expect(atOther).toBe(there.digest())
    expect(atOne).toBe(back.digest())
    await joined.closed
    expect(world.wires.busyConnections).toBe(0)
  })

  it('hold a sender back whose receiver does not read, and lose nothing', async () => {
    await using world = await WireWorld.open()
    const { one, other } = await world.joined(kinds)
    const upload = new Bulk(64 * MIB)
    upload.pipe(one)
    await once(other, 'readable')
    let taken = -1
    while (taken !== upload.taken) {
      taken = upload.taken
      await turns(300)
    }

    expect(upload.taken).toBeLessThan(40 * MIB)
    expect(await digestOf(other)).toBe(upload.digest())
  })

  it('carry any pieces both ways, while others do', async () => {
    await using world = await WireWorld.open()
    const pieces = fc.array(fc.oneof(fc.nat({ max: 100 }), fc.nat({ max: 200_000 })), { maxLength: 12 })
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(pieces, pieces), { minLength: 1, maxLength: 4 }), async (flows) => {
        await Promise.all(flows.map(([there, back], number) => carry(world, kinds, { there, back, number })))
      }),
      { numRuns: 15 },
    )
  })
})

async function carry(
  world: WireWorld,
  kinds: (typeof PAIRS)[number],
  flow: { readonly there: readonly number[]; readonly back: readonly number[]; readonly number: number },
): Promise<void> {
  const joined = await world.joined(kinds)
  const [sent, answered, received, answer] = await Promise.all([
    sendPieces(joined.one, flow.there, 2 * flow.number),
    sendPieces(joined.other, flow.back, 2 * flow.number + 1),
    buffer(joined.other),
    buffer(joined.one),
  ])
  expect(received.equals(sent)).toBe(true)
  expect(answer.equals(answered)).toBe(true)
  await joined.closed
}

/** Sends pieces that differ in each byte's place, then the end. Resolves with all of them. */
async function sendPieces(socket: Socket, pieces: readonly number[], seed: number): Promise<Buffer> {
  const all = Buffer.alloc(pieces.reduce((sum, bytes) => sum + bytes, 0))
  for (let at = 0; at < all.length; at++) all[at] = (at * 31 + (at >> 8) + seed * 7) & 0xff
  let at = 0
  for (const bytes of pieces) {
    await turns(1)
    if (!socket.write(all.subarray(at, at + bytes))) await once(socket, 'drain')
    at += bytes
  }
  socket.end()
  return all
}
