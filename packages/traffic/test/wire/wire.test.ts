import { once } from 'node:events'
import type { Socket } from 'node:net'
import { buffer, text } from 'node:stream/consumers'
import fc from 'fast-check'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { Bulk, digestOf } from '../bulk.ts'
import { closed, failure } from '../relay/relay-world.ts'
import { openDescriptors } from '../traffic-lab.ts'
import { type Recorded, Told, WIRE_KINDS, WireWorld } from './wire-world.ts'

const MIB = 1024 * 1024

afterEach(() => void vi.useRealTimers())

/** Until nothing is under way on loopback any more. */
async function turns(count = 20): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve))
}

describe.each(WIRE_KINDS)('a wire by %s', (kind) => {
  it('tells of bytes in their order, and then of the end', async () => {
    await using world = await WireWorld.open()
    const { peer, wire, told } = await world.recorded(kind)
    wire.resume()
    peer.write('one ')
    peer.end('two')
    await told.event('end')

    expect(told.text).toBe('one two')
    expect(wire).toMatchObject({ bytesRead: 7, hasEnded: true, isClosed: false })
  })

  it('writes bytes and text, and then the end', async () => {
    await using world = await WireWorld.open()
    const { peer, wire } = await world.recorded(kind)

    expect(wire.write(Buffer.from('one '))).toBe(true)
    expect(wire.writeText('twö')).toBe(true)
    wire.end()

    expect((await buffer(peer)).toString('latin1')).toBe('one twö')
    expect(wire.bytesWritten).toBe(7)
  })

  it('tells first of what the socket had read, from within resume', async () => {
    await using world = await WireWorld.open()
    const { peer, near, socket } = await world.ends()
    peer.write('early ')
    await once(socket, 'readable')
    const told = new Told()
    const wire = world.wire(kind, near, told)
    expect(told.text).toBe('')

    wire.resume()
    expect(told.text).toBe('early ')
    peer.end('late')
    await told.event('end')

    expect(told.text).toBe('early late')
  })

  it('tells of an end that the socket had read, with bytes before it or without', async () => {
    await using world = await WireWorld.open()
    for (const words of ['early', '']) {
      const { peer, near, socket } = await world.ends()
      peer.end(words)
      await once(socket, words === '' ? 'end' : 'readable')
      await turns()
      const told = new Told()
      world.wire(kind, near, told).resume()
      await told.event('end')
      expect(told.text).toBe(words)
    }
  })

  it('tells of nothing more once it is paused from within, until it is resumed', async () => {
    await using world = await WireWorld.open()
    const { peer, near, socket } = await world.ends()
    peer.write('early')
    await once(socket, 'readable')
    const told = new Told()
    const wire = world.wire(kind, near, told)
    told.onEach = () => wire.pause()

    wire.resume()
    peer.end('late')
    await turns()
    expect(told.text).toBe('early')
    wire.resume()
    await told.until(() => told.text === 'earlylate')
    await turns()
    expect(told.count('end')).toBe(0)
    wire.resume()
    await told.event('end')
  })

  it('goes on writing after its peer has ended, and is closed once both have', async () => {
    await using world = await WireWorld.open()
    const { peer, wire, told } = await world.recorded(kind)
    wire.resume()
    peer.end('question')
    await told.event('end')
    wire.writeText('answer')
    wire.end()

    expect(await text(peer)).toBe('answer')
    await told.event('closed')
    expect(told.events).toEqual(['bytes', 'end', 'closed'])
    expect(wire.isClosed).toBe(true)
  })

  it('goes on reading after it has ended itself', async () => {
    await using world = await WireWorld.open()
    const { peer, wire, told } = await world.recorded(kind)
    wire.resume()
    wire.end()
    expect(await text(peer)).toBe('')
    peer.end('late')
    await told.event('closed')

    expect(told.text).toBe('late')
    expect(told.events).toEqual(['bytes', 'end', 'closed'])
  })

  it('stops a sender whose receiver does not read, and holds no more memory for it', async () => {
    await using world = await WireWorld.open()
    const { peer, wire, told } = await world.recorded(kind)
    const upload = new Bulk(256 * MIB)
    upload.pipe(peer)
    wire.resume()
    await told.event('bytes')
    wire.pause()
    await turns(200)
    const read = told.length
    await turns(200)

    expect(told.length).toBe(read)
    expect(upload.taken).toBeLessThan(24 * MIB)
    upload.destroy()
  })

  it('says that it is full, and when it has drained', async () => {
    await using world = await WireWorld.open()
    const { peer, wire, told } = await world.recorded(kind)
    const chunk = Buffer.alloc(MIB, 'x')
    let written = 0
    while (wire.write(chunk)) written += 1
    expect(wire.isFull).toBe(true)
    expect(told.count('drain')).toBe(0)

    const received = digestOf(peer)
    await told.event('drain')
    expect(wire.isFull).toBe(false)
    wire.end()
    await received

    expect(wire.bytesWritten).toBe((written + 1) * MIB)
    expect(peer.bytesRead).toBe((written + 1) * MIB)
  })

  it('sends in order what is written though it is full, then the end, and says that it has drained', async () => {
    await using world = await WireWorld.open()
    const { peer, wire, told } = await world.recorded(kind)
    const big = Buffer.alloc(16 * MIB, 'x')
    wire.write(big)
    for (let i = 0; i < 100; i++) i % 2 === 0 ? wire.writeText(`${i},`) : wire.write(Buffer.from(`${i},`))
    wire.end()
    expect(wire.isFull).toBe(true)

    const received = await buffer(peer)

    const rest = Array.from({ length: 100 }, (_, i) => `${i},`).join('')
    expect(received.length).toBe(big.length + rest.length)
    expect(received.subarray(big.length).toString()).toBe(rest)
    expect(told.count('drain')).toBe(1)
  })

  it('is told that it was reset, once', async () => {
    await using world = await WireWorld.open()
    const { peer, wire, told } = await world.recorded(kind)
    wire.resume()
    peer.resetAndDestroy()
    await told.event('closed')
    await turns()

    expect(told.events).toEqual(['closed'])
    expect(wire.isClosed).toBe(true)
  })

  it('resets its connection, whatever waits to be written', async () => {
    await using world = await WireWorld.open()
    for (const bytes of [0, 16 * MIB]) {
      const { peer, wire, told } = await world.recorded(kind)
      wire.resume()
      wire.write(Buffer.alloc(bytes))
      const failed = failure(peer.pause())
      wire.reset()
      expect(wire.isClosed).toBe(true)
      expect(await failed).toBe('ECONNRESET')
      await told.event('closed')
      expect(told.events).toEqual(['closed'])
    }
  })

  it('resets its connection while it sends its end', async () => {
    await using world = await WireWorld.open()
    const { wire, told } = await world.recorded(kind)
    wire.resume()
    wire.end()
    wire.reset()
    await told.event('closed')

    expect(told.events).toEqual(['closed'])
  })

  it('takes anything after it was closed, and does nothing', async () => {
    await using world = await WireWorld.open()
    const { peer, wire, told } = await world.recorded(kind)
    wire.resume()
    peer.resetAndDestroy()
    await told.event('closed')

    expect(wire.write(Buffer.from('late'))).toBe(false)
    expect(wire.writeText('late')).toBe(false)
    for (const act of [wire.end, wire.pause, wire.resume, wire.linger, wire.reset, wire.end]) act.call(wire)
    wire.release(Buffer.from('unread'))
    await turns()
    expect(told.events).toEqual(['closed'])
    expect(wire.bytesWritten).toBe(0)
  })

  it('writes nothing behind its end', async () => {
    await using world = await WireWorld.open()
    const { peer, wire } = await world.recorded(kind)
    wire.writeText('all')
    wire.end()
    expect(wire.writeText('more')).toBe(false)

    expect(await text(peer)).toBe('all')
  })

  it('tells that a connection was closed before', async () => {
    await using world = await WireWorld.open()
    const { near, socket } = await world.ends()
    socket.destroy()
    await closed(socket)
    const told = new Told()
    const wire = world.wire(kind, near, told)
    wire.resume()
    await told.event('closed')

    expect(told.events).toEqual(['closed'])
  })

  it('tells another owner from when there is one', async () => {
    await using world = await WireWorld.open()
    const { peer, wire, told } = await world.recorded(kind)
    wire.resume()
    peer.write('one')
    await told.event('bytes')
    const next = new Told()
    wire.events = next
    peer.write('two')
    await next.event('bytes')

    expect([told.text, next.text]).toEqual(['one', 'two'])
  })

  it('reads on after a write has failed: its peer may have answered before it went', async () => {
    await using world = await WireWorld.open()
    const { peer, wire, told } = await world.recorded(kind)
    wire.resume()
    wire.pause()
    peer.write('413 too large')
    await turns()
    peer.resetAndDestroy()
    await closed(peer)
    await turns()
    while (wire.write(Buffer.alloc(1024))) await turns(1)
    wire.resume()
    await told.event('closed')

    if (kind === 'handle') expect(told.text).toBe('413 too large')
  })

  it('lets a peer that is still sending read the last words', async () => {
    await using world = await WireWorld.open()
    for (let round = 0; round < 3; round++) {
      const { peer, wire, told } = await world.recorded(kind)
      const upload = new Bulk(MIB)
      upload.pipe(peer)
      wire.resume()
      await told.event('bytes')
      wire.writeText('413 too large')
      wire.linger()
      const before = told.length

      expect(await text(peer)).toBe('413 too large')
      peer.resume()
      await told.event('closed')
      expect(told.length).toBe(before)
      expect(told.count('end')).toBe(0)
      upload.destroy()
    }
  })

  it('closes a connection after it has lingered, whatever the peer does', async () => {
    await using world = await WireWorld.open()
    const { wire, told } = await world.recorded(kind)
    wire.linger()
    await told.event('closed')

    expect(told.events).toEqual(['closed'])
  })

  it('leaves no descriptor behind', async () => {
    const before = openDescriptors()
    {
      await using world = await WireWorld.open()
      const endings: readonly ((peer: Socket) => void)[] = [
        (peer) => void peer.end('bye'),
        (peer) => void peer.resetAndDestroy(),
        (peer) => void peer.destroy(),
      ]
      for (let i = 0; i < 60; i++) {
        const { peer, wire, told } = await world.recorded(kind)
        wire.resume()
        wire.writeText('hello')
        endings[i % 3]?.(peer.resume())
        if (i % 2 === 0) wire.linger()
        else wire.end()
        await told.event('closed')
        expect(told.count('closed')).toBe(1)
      }
    }
    await expect.poll(openDescriptors).toBeLessThanOrEqual(before)
  })
})

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
