import { once } from 'node:events'
import { describe, expect, it } from 'vitest'
import { Bulk, digestOf } from '../bulk.ts'
import { bothWays, standstill, upload } from './carry.ts'
import { descriptors } from './descriptors.ts'
import { promotingEngine, readyCarrier } from './engines-under-test.ts'
import { closed, failure, RelayWorld } from './relay-world.ts'

const MIB = 1 << 20

describe('promotion', () => {
  it('hands a bulk flow over, and keeps a small one', async () => {
    const engine = await promotingEngine(MIB)
    await using world = await RelayWorld.open(async () => engine)

    await upload(world, MIB - 1)
    expect(engine.carrier.carried).toBe(0)

    await upload(world, 20 * MIB)
    expect(engine.carrier.carried).toBe(1)
  })

  it('hands a flow over at any byte, and loses and repeats none', async () => {
    await using carrier = await readyCarrier()
    for (let afterBytes = 1; afterBytes < 2 * MIB; afterBytes = 3 * afterBytes + 1) {
      const engine = await promotingEngine(afterBytes, carrier)
      await using world = await RelayWorld.open(async () => engine)
      await bothWays(world, 3 * MIB)
      expect(engine.carrier.carried).toBe(1)
    }
  })

  it('hands no flow over while bytes wait for being written', async () => {
    const engine = await promotingEngine(1)
    await using world = await RelayWorld.open(async () => engine)
    engine.carrier.isOpen = false
    const { client, endpoint, relay } = await world.join()
    const bulk = new Bulk(32 * MIB)
    bulk.pipe(client)
    await standstill(relay)
    engine.carrier.isOpen = true

    endpoint.write('hello')
    await once(client, 'data')
    expect(engine.carrier.carried).toBe(0)

    expect(await digestOf(endpoint)).toBe(bulk.digest())
    expect(engine.carrier.carried).toBe(1)
    endpoint.end()
    expect(await relay.ended).toBe('completed')
  })

  it('lets many flows at once go over, each with its own bytes', async () => {
    const engine = await promotingEngine(MIB)
    await using world = await RelayWorld.open(async () => engine)
    await Promise.all(Array.from({ length: 20 }, () => bothWays(world, 3 * MIB)))
    expect(engine.carrier.carried).toBe(20)
  })

  it('resets the flows of a worker that dies, and carries others without it', async () => {
    const engine = await promotingEngine(1)
    await using world = await RelayWorld.open(async () => engine)
    const { client, endpoint, relay } = await world.join()
    client.write('hello')
    await once(endpoint, 'data')
    expect(engine.carrier.carried).toBe(1)
    const failed = Promise.all([failure(client), failure(endpoint)])

    await engine.carrier.splice.killWorker()

    expect(await failed).toEqual(['ECONNRESET', 'ECONNRESET'])
    expect(await relay.ended).toBe('cut')
    expect(relay.bytesSent).toBe(5)
    await upload(world, 3 * MIB)
    expect(engine.carrier.carried).toBe(1)
  })

  it('resets what it still carries when it is disposed of', async () => {
    const engine = await promotingEngine(1)
    const world = await RelayWorld.open(async () => engine)
    const { client, endpoint, relay } = await world.join()
    client.write('hello')
    await once(endpoint, 'data')
    const gone = Promise.all([closed(client.resume()), closed(endpoint.resume())])

    await engine[Symbol.asyncDispose]()

    expect(await relay.ended).toBe('cut')
    await gone
    await world[Symbol.asyncDispose]()
  })

  it('ends the worker when no flow was there for a time, and starts it again when it is wanted', async () => {
    const before = descriptors()
    await using carrier = await readyCarrier(1)
    expect(descriptors()).not.toEqual(before)

    await expect.poll(() => descriptors(), { timeout: 5_000 }).toEqual(before)

    expect(await carrier.prepare()).toBe(true)
  })
})
