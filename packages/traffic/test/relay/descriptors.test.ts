import { once } from 'node:events'
import { describe, expect, it } from 'vitest'
import { upload } from './carry.ts'
import { descriptors } from './descriptors.ts'
import { handleEngine, promotingEngine, spliceEngine } from './engines-under-test.ts'
import { type EngineUnderTest, type Joined, RelayWorld } from './relay-world.ts'

const MIB = 1 << 20

describe('descriptors', () => {
  it.each([
    ['handle', handleEngine],
    ['splice', spliceEngine],
    ['handle with promotion', () => promotingEngine(1)],
  ] as const)('are all closed after the flows, however they ended: %s', async (_, make) => {
    await endAllWays(make)
    const before = descriptors()
    await endAllWays(make)
    await expect.poll(() => descriptors(), { timeout: 5_000 }).toEqual(before)
  })
})

/** Flows that complete, are reset by either end, are cut, and are left with bytes on their way. */
async function endAllWays(make: () => Promise<EngineUnderTest>): Promise<void> {
  await using world = await RelayWorld.open(make)
  for (let i = 0; i < 10; i++) {
    await upload(world, 2 * MIB)
    // A client's reset is only noticed while its bytes are read.
    await breakOff(world, 1, ({ client }) => client.resetAndDestroy())
    await breakOff(world, 8 * MIB, ({ endpoint }) => endpoint.resetAndDestroy())
    await breakOff(world, 8 * MIB, ({ relay }) => relay.cut())
  }
}

async function breakOff(world: RelayWorld, bytes: number, end: (joined: Joined) => void): Promise<void> {
  const joined = await world.join()
  joined.client.write(Buffer.alloc(bytes))
  joined.endpoint.write('hello')
  await once(joined.client, 'data')
  while (joined.relay.bytesSent === 0) await new Promise((resolve) => setImmediate(resolve))
  end(joined)
  await joined.relay.ended
}
