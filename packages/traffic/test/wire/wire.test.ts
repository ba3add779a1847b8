import { once } from 'node:events'
import { buffer, text } from 'node:stream/consumers'
import { describe, expect, it } from 'vitest'
import { Bulk, digestOf } from '../bulk.ts'
import { Told, turns, WIRE_KINDS, WireWorld } from './wire-world.ts'

const MIB = 1024 * 1024

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
})
