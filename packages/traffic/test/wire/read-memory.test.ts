import { buffer } from 'node:stream/consumers'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { type Recorded, Told, turns, WIRE_KINDS, WireWorld } from './wire-world.ts'

const MIB = 1024 * 1024

afterEach(() => void vi.useRealTimers())

const PAIRS = WIRE_KINDS.flatMap((a) => WIRE_KINDS.map((b) => [a, b] as const))

/** A wire whose reads are that big has a buffer of its own. */
const BUSY_BYTES = 32 * 1024

async function send({ peer, told }: Pick<Recorded, 'peer' | 'told'>, bytes: number): Promise<void> {
  const before = told.length
  peer.write(Buffer.alloc(bytes, 'a'))
  await told.until(() => told.length === before + bytes)
}

describe('the memory that wires read into', () => {
  it.each(PAIRS)('is not read into again while its bytes wait, by %s from %s', async (to, from) => {
    await using world = await WireWorld.open()
    const target = await world.recorded(to)
    const [source, other] = [await world.recorded(from), await world.recorded('handle')]
    const wait = Buffer.alloc(16 * MIB)
    target.wire.write(wait)
    source.wire.events = Object.assign(new Told(), {
      onBytes: (bytes: Buffer) => {
        if (!target.wire.write(bytes)) source.wire.pause()
        source.told.onBytes(bytes)
      },
    })
    for (const { wire } of [source, other]) wire.resume()
    source.peer.write('precious')
    await source.told.event('bytes')
    other.peer.write('garbage!')
    await other.told.event('bytes')
    target.wire.end()

    const received = await buffer(target.peer)
    expect(received.subarray(wait.length).toString()).toBe('precious')
  })

  it('is kept for bytes that wait when the busy wire that they came from is gone', async () => {
    await using world = await WireWorld.open()
    const [target, source, other] = [
      await world.recorded('handle'),
      await world.recorded('handle'),
      await world.recorded('handle'),
    ]
    const into = target.wire
    source.wire.resume()
    while (world.wires.busyConnections === 0) await send(source, BUSY_BYTES)
    const wait = Buffer.alloc(16 * MIB)
    into.write(wait)
    const written: Buffer[] = []
    source.wire.events = Object.assign(new Told(), {
      onBytes: (bytes: Buffer) => {
        written.push(Buffer.from(bytes))
        into.write(bytes)
        source.wire.reset()
      },
    })
    source.peer.write(Buffer.alloc(64 * 1024, 'p'))
    while (written.length === 0) await turns(1)
    other.wire.resume()
    for (let round = 0; round < 100; round++) await send(other, BUSY_BYTES)
    into.end()

    const received = await buffer(target.peer)
    expect(received.subarray(wait.length).equals(Buffer.concat(written))).toBe(true)
  })

  it('is kept for bytes that wait when the wire that they came from reads on to the end of its connection', async () => {
    await using world = await WireWorld.open()
    const [target, source] = [await world.recorded('handle'), await world.recorded('handle')]
    source.wire.resume()
    while (world.wires.busyConnections === 0) await send(source, BUSY_BYTES)
    const wait = Buffer.alloc(16 * MIB)
    target.wire.write(wait)
    const written: Buffer[] = []
    source.wire.events = Object.assign(new Told(), {
      onBytes: (bytes: Buffer) => {
        if (written.length === 0) {
          target.wire.write(bytes)
          source.wire.pause()
        }
        written.push(Buffer.from(bytes))
      },
    })
    source.peer.write(Buffer.alloc(16 * 1024, 'p'))
    while (written.length === 0) await turns(1)
    source.peer.write(Buffer.alloc(16 * 1024, 'q'), () => source.peer.resetAndDestroy())
    while (!source.peer.closed) await turns(1)
    await turns()
    // Finds that the peer has reset the connection, and reads what it sent before.
    source.wire.write(Buffer.from('x'))
    while (written.length === 1) await turns(1)
    target.wire.end()

    const received = await buffer(target.peer)
    const [first] = written
    expect(first !== undefined && received.subarray(wait.length).equals(first)).toBe(true)
  })

  it('is given back by a wire that falls silent, which goes on afterwards', async () => {
    await using world = await WireWorld.open()
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const { peer, wire, told } = await world.recorded('handle')
    wire.resume()
    for (let round = 1; round <= 3; round++) {
      while (world.wires.busyConnections === 0) await send({ peer, told }, BUSY_BYTES)
      vi.advanceTimersByTime(20_000)
      expect(world.wires.busyConnections).toBe(0)
    }
    peer.end('b')
    await told.event('end')
    expect(told.text.endsWith('ab')).toBe(true)
  })
})
