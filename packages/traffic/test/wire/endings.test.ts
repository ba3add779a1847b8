import type { Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import { describe, expect, it } from 'vitest'
import { Bulk } from '../bulk.ts'
import { closed, failure } from '../relay/relay-world.ts'
import { segmentsReceived } from '../segments.ts'
import { openDescriptors } from '../traffic-lab.ts'
import { Told, turns, WIRE_KINDS, type WireKind, WireWorld } from './wire-world.ts'

const MIB = 1024 * 1024

const KINDS: readonly WireKind[] = [...WIRE_KINDS, "handle, Node's FIN"]

describe.each(KINDS)('the end of a wire by %s', (kind) => {
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

    if (kind !== 'stream') expect(told.text).toBe('413 too large')
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

  it('goes behind all that was gathered, and so does what comes in later turns', async () => {
    await using world = await WireWorld.open()
    for (const pause of [async () => {}, turns]) {
      const { peer, wire, told } = await world.recorded(kind)
      wire.resume()
      for (const part of ['a', 'b', 'c']) {
        wire.gather()
        wire.writeText(part)
        await pause()
      }
      wire.end()

      expect(await text(peer)).toBe('abc')
      peer.end()
      await told.event('closed')
    }
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

it('what is gathered leaves in one segment with the end', async () => {
  await using world = await WireWorld.open()
  const { peer, wire } = await world.recorded('handle')
  const before = await segmentsReceived(peer)
  wire.gather()
  wire.writeText('head, ')
  wire.write(Buffer.from('body'))
  wire.end()

  expect(await text(peer)).toBe('head, body')
  expect((await segmentsReceived(peer)) - before).toBe(1)
})

it('what is gathered without an end leaves with the turn', async () => {
  const calls: string[] = []
  await using world = await WireWorld.open({
    sendFin: () => false,
    cork: () => calls.push('cork') > 0,
    uncork: () => void calls.push('uncork'),
  })
  const { wire } = await world.recorded('handle')
  wire.gather()
  wire.gather()
  wire.writeText('head')
  expect(calls).toEqual(['cork'])
  await turns(1)

  expect(calls).toEqual(['cork', 'uncork'])
})
