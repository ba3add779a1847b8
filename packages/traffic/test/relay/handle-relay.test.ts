import { once } from 'node:events'
import { buffer } from 'node:stream/consumers'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { loadFinSender, NODES_FIN } from '../../src/kernel/fin-sender.ts'
import { loadHandleBinding } from '../../src/relay/handle-binding.ts'
import { HandleRelay } from '../../src/relay/handle-relay.ts'
import { StreamRelay } from '../../src/relay/stream-relay.ts'
import { Told, WireWorld } from '../wire/wire-world.ts'
import { handleEngine } from './engines-under-test.ts'
import { relayEngineContract } from './relay-engine.contract.ts'
import { type Joined, RelayWorld } from './relay-world.ts'

const BIG = 32 * 1024
/** More than the kernel takes. */
const WAITING = 16 * 1024 * 1024

afterEach(() => void vi.useRealTimers())

describe('HandleRelay', () => {
  it.each(relayEngineContract(handleEngine))('$title', async ({ run }) => run())

  const brief = relayEngineContract(() => handleEngine(NODES_FIN)).filter(
    ({ title }) => !/10,000/.test(title),
  )
  it.each(brief)('$title, where Node sends the FIN', async ({ run }) => run())

  it('takes the buffer from a connection that falls silent, and goes on with it afterwards', async () => {
    const engine = await handleEngine()
    await using world = await RelayWorld.open(async () => engine)
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const joined = await world.join()
    while (engine.busyConnections() === 0) await send(joined, Buffer.alloc(BIG, 'a'))

    vi.advanceTimersByTime(20_000)

    expect(engine.busyConnections()).toBe(0)
    expect(await send(joined, Buffer.alloc(BIG, 'b'))).toEqual(Buffer.alloc(BIG, 'b'))
    vi.advanceTimersByTime(10_000)
    expect(await send(joined, Buffer.alloc(BIG, 'c'))).toEqual(Buffer.alloc(BIG, 'c'))
  })

  it('ends a connection only behind what a wire had written to it before', async () => {
    const binding = await loadHandleBinding()
    if (binding === undefined) throw new Error('this Node lacks what is tested')
    await using world = await WireWorld.open()
    const [client, endpoint] = [await world.ends(), await world.ends()]
    const wire = world.wire('handle', endpoint.near, new Told())
    endpoint.peer.pause()
    wire.write(Buffer.alloc(WAITING))
    expect(wire.isFull).toBe(true)

    const deps = { binding, fin: await loadFinSender(), promotion: undefined, fallback: new StreamRelay() }
    const limits = { idleTimeoutMs: undefined, maxDurationMs: undefined }
    const { ended } = new HandleRelay(deps).relay(client.near, wire.release(Buffer.alloc(0)), limits)
    client.peer.resume().end()
    endpoint.peer.end()
    await once(client.peer, 'end')

    expect(await buffer(endpoint.peer)).toHaveLength(WAITING)
    expect(await ended).toBe('completed')
  })
})

/** @returns what the endpoint has got */
async function send({ client, endpoint }: Joined, bytes: Buffer): Promise<Buffer> {
  client.write(bytes)
  const chunks: Buffer[] = []
  let count = 0
  while (count < bytes.length) {
    const [chunk]: Buffer[] = await once(endpoint, 'data')
    if (chunk === undefined) throw new Error('no bytes')
    chunks.push(chunk)
    count += chunk.length
  }
  return Buffer.concat(chunks)
}
