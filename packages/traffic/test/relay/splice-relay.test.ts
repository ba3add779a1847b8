import { afterAll, describe, expect, it } from 'vitest'
import { standstill } from './carry.ts'
import { readyCarrier, spliceEngine } from './engines-under-test.ts'
import { relayEngineContract } from './relay-engine.contract.ts'
import { closed, RelayWorld } from './relay-world.ts'

// One worker for all: its start takes longer than most cases.
const carrier = await readyCarrier()
afterAll(() => carrier[Symbol.asyncDispose]())

describe('SpliceRelay', () => {
  it.each(relayEngineContract(() => spliceEngine(carrier)))('$title', async ({ run }) => run())

  it('notices the reset of a client although its endpoint reads nothing', async () => {
    await using world = await RelayWorld.open(() => spliceEngine(carrier))
    const { client, endpoint, relay } = await world.join()
    endpoint.pause()
    client.write(Buffer.alloc(64 << 20))
    while (relay.bytesSent < 1 << 20) await new Promise((resolve) => setImmediate(resolve))
    await standstill(relay)

    client.resetAndDestroy()

    expect(await relay.ended).toBe('client-reset')
    await closed(endpoint.resume())
  })
})
