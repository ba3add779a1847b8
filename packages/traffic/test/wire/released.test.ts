import { once } from 'node:events'
import { duplexPair } from 'node:stream'
import { text } from 'node:stream/consumers'
import { describe, expect, it } from 'vitest'
import { loadFinSender } from '../../src/kernel/fin-sender.ts'
import { loadHandleBinding } from '../../src/relay/handle-binding.ts'
import { ReadBuffers } from '../../src/relay/read-buffers.ts'
import type { FlowEnd } from '../../src/relay/relay-engine.ts'
import { StreamRelay } from '../../src/relay/stream-relay.ts'
import { StreamWire } from '../../src/wire/stream-wire.ts'
import type { Wire, WireEvents } from '../../src/wire/wire.ts'
import { Wires } from '../../src/wire/wires.ts'
import { Bulk, digestOf } from '../bulk.ts'
import { handleEngine, promotingEngine, streamEngine } from '../relay/engines-under-test.ts'
import { relayEngineContract } from '../relay/relay-engine.contract.ts'
import { closed, type EngineUnderTest, NO_LIMITS } from '../relay/relay-world.ts'
import { Told, turns, WIRE_KINDS, type WireKind, WireWorld } from './wire-world.ts'

const MIB = 1024 * 1024

/** It takes its time, and says nothing of how a connection was before. */
const MANY = /10,000/

async function wires(): Promise<{ wire(kind: WireKind, end: FlowEnd, events: WireEvents): Wire }> {
  const buffers = new ReadBuffers()
  const made = new Wires({ binding: await loadHandleBinding(), fin: await loadFinSender(), buffers })
  return {
    wire: (kind, end, events) =>
      kind === 'handle' ? made.wire(end, events) : new StreamWire(end, events, buffers),
  }
}

/** Both ends are read as wires before they are given to the engine. */
async function afterWires(kind: WireKind, engine: EngineUnderTest): Promise<EngineUnderTest> {
  const made = await wires()
  const released = (end: FlowEnd): FlowEnd => {
    const told = new Told()
    const wire = made.wire(kind, end, told)
    wire.resume()
    wire.pause()
    return wire.release(told.bytes)
  }
  return {
    relay: (client, endpoint, limits) => engine.relay(released(client), released(endpoint), limits),
    [Symbol.asyncDispose]: () => engine[Symbol.asyncDispose](),
  }
}

const ENGINES: readonly (readonly [WireKind, string, () => Promise<EngineUnderTest>])[] = [
  ['handle', 'stream', streamEngine],
  ['handle', 'handle', handleEngine],
  ['handle', 'promoting', () => promotingEngine(64 * 1024)],
  ['stream', 'promoting', () => promotingEngine(64 * 1024)],
]

describe.each(ENGINES)(
  'connections that were wires by %s are as good as new to the engine %s',
  (kind, _name, make) => {
    const cases = relayEngineContract(async () => afterWires(kind, await make()))
    it.each(cases.filter(({ title }) => !MANY.test(title)))('$title', async ({ run }) => run())
  },
)

describe.each(WIRE_KINDS)('connections that were wires by %s', (kind) => {
  it('have first what their owner had read and not used, then what comes', async () => {
    await using world = await WireWorld.open()
    const { peer, wire, told } = await world.recorded(kind)
    wire.resume()
    peer.write('head, rest')
    await told.event('bytes')
    const { stream } = wire.release(told.bytes.subarray(6))
    peer.end(', more')

    expect(await text(stream)).toBe('rest, more')
    await new Promise((resolve) => setImmediate(resolve))
    expect(told.events).toEqual(['bytes'])
  })

  it('may be released from within, with bytes of memory that is read into again', async () => {
    await using world = await WireWorld.open()
    const { peer, wire } = await world.recorded(kind)
    const { promise, resolve } = Promise.withResolvers<FlowEnd>()
    wire.events = Object.assign(new Told(), {
      onBytes: (bytes: Buffer) => resolve(wire.release(bytes.subarray(bytes.indexOf('|') + 1))),
    })
    wire.resume()
    const upload = new Bulk(8 * MIB)
    peer.write('GET /chat|')
    upload.pipe(peer)

    expect(await digestOf((await promise).stream)).toBe(upload.digest())
  })

  it('tell of an end that was read before, behind what was not used', async () => {
    await using world = await WireWorld.open()
    const { peer, wire, told } = await world.recorded(kind)
    wire.resume()
    peer.end('unread')
    await told.event('end')
    const { stream } = wire.release(told.bytes)
    const answered = text(peer)
    stream.end('answer')

    expect(await text(stream)).toBe('unread')
    expect(await answered).toBe('answer')
  })

  it('may be released before anything was read', async () => {
    await using world = await WireWorld.open()
    const { peer, near, socket } = await world.ends()
    peer.end('all of it')
    await once(socket, 'readable')
    const { stream } = world.wire(kind, near, new Told()).release(Buffer.alloc(0))

    expect(await text(stream)).toBe('all of it')
  })

  it('go on when they were busy, and give their buffers back', async () => {
    await using world = await WireWorld.open()
    const { one, other, wires: pair } = await world.joined([kind, kind])
    const before = new Bulk(8 * MIB)
    before.pipe(one, { end: false })
    before.once('end', () => one.write('|'))
    const bytes = []
    let count = 0
    while (count < 8 * MIB + 1) {
      const [chunk]: Buffer[] = await once(other, 'data')
      if (chunk !== undefined) bytes.push(chunk)
      count += chunk?.length ?? 0
    }
    const [a, b] = pair.map((wire) => wire.release(Buffer.alloc(0)))
    if (a === undefined || b === undefined) throw new Error('a pair')
    expect(world.wires.busyConnections).toBe(0)
    await using engine = await promotingEngine(64 * 1024)
    const relay = engine.relay(a, b, NO_LIMITS)
    const after = new Bulk(8 * MIB)
    after.pipe(one)
    expect(await digestOf(other)).toBe(after.digest())
    other.end('done')

    expect(await text(one)).toBe('done')
    expect(await relay.ended).toBe('completed')
    expect(engine.carrier.carried).toBe(1)
  })

  it('can be joined with a stream that is no TCP connection', async () => {
    await using world = await WireWorld.open()
    const { peer, wire, told } = await world.recorded(kind)
    wire.resume()
    peer.write('head')
    await told.event('bytes')
    const [stream, far] = duplexPair()
    const relay = new StreamRelay().relay(
      wire.release(told.bytes),
      { stream, reset: () => void stream.destroy() },
      NO_LIMITS,
    )
    const [there, back] = [new Bulk(8 * MIB), new Bulk(8 * MIB)]
    const [first]: Buffer[] = await once(far, 'data')
    expect(String(first)).toBe('head')
    far.pause()
    there.pipe(peer)
    back.pipe(far)

    const [atFar, atPeer] = await Promise.all([digestOf(far), digestOf(peer)])
    expect([atFar, atPeer]).toEqual([there.digest(), back.digest()])
    expect(await relay.ended).toBe('completed')
  })
})

it('a connection that is reset while it waits for its peer to read closes', async () => {
  await using world = await WireWorld.open()
  const { near, socket, peer } = await world.ends()
  const wire = world.wire('handle', near, new Told())
  peer.pause()
  wire.write(Buffer.alloc(16 * MIB))
  const { stream, reset } = wire.release(Buffer.alloc(0))
  stream.end()
  await turns()
  reset()

  await closed(socket)
})
