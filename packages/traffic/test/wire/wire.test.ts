import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { describe, expect, it } from 'vitest'
import { Bulk, digestOf } from '../bulk.ts'
import { Told, WIRE_KINDS, WireWorld } from './wire-world.ts'

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
    expect(wire.bytesRead).toBe(7)
    expect(wire.hasEnded).toBe(true)
    expect(wire.isClosed).toBe(false)
  })

  it('writes bytes and text, and then the end', async () => {
    await using world = await WireWorld.open()
    const { peer, wire } = await world.recorded(kind)
    expect(wire.write(Buffer.from('one '))).toBe(true)
    expect(wire.writeText('twö')).toBe(true)
    wire.end()
    const [bytes] = await once(peer, 'data')
    expect(bytes.toString('latin1')).toBe('one twö')
    expect(wire.bytesWritten).toBe(7)
    expect(await text(peer)).toBe('')
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
})

describe.each(WIRE_KINDS.flatMap((a) => WIRE_KINDS.map((b) => [a, b] as const)))(
  'wires by %s and %s',
  (...kinds) => {
    it('carry 100 MB both ways unchanged', async () => {
      await using world = await WireWorld.open()
      const { one, other, closed } = await world.joined(kinds)
      const [there, back] = [new Bulk(100 * MIB), new Bulk(100 * MIB + 1)]
      there.pipe(one)
      back.pipe(other)
      const [atOther, atOne] = await Promise.all([digestOf(other), digestOf(one)])
      expect(atOther).toBe(there.digest())
      expect(atOne).toBe(back.digest())
      await closed
    })
  },
)
