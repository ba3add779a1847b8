import { once } from 'node:events'
import type { Connection, Stream } from '@libp2p/interface'
import { multiaddr } from '@multiformats/multiaddr'
import { describe, expect, it } from 'vitest'
import type { AgentHost } from '../src/host/host.ts'
import { StreamDuplex } from '../src/host/stream-duplex.ts'
import { EvilRelay } from './evil-relay.ts'
import { never } from './stranger.ts'

const PROTOCOL = '/test/1.0.0'
const SECRET = 'the password of the payroll is hunter2'
const MIB = 1024 * 1024

function idOf({ node }: AgentHost): string {
  return node.peerId.toString()
}

/** The connections that a host takes for those of peers, and all bytes that came on them. */
async function takesStreams(host: AgentHost) {
  const received: Buffer[] = []
  const peers: string[] = []
  const ended = Promise.withResolvers<Error | undefined>()
  await host.node.handle(PROTOCOL, (stream: Stream, connection: Connection) => {
    peers.push(connection.remotePeer.toString())
    const duplex = new StreamDuplex(stream)
    duplex.on('data', (bytes: Buffer) => {
      received.push(bytes)
      duplex.write(bytes)
    })
    duplex.on('error', ended.resolve)
    duplex.on('end', () => {
      duplex.end()
      ended.resolve(undefined)
    })
  })
  return { peers, ended: ended.promise, bytes: () => Buffer.concat(received) }
}

async function openStream(from: AgentHost, address: string): Promise<StreamDuplex> {
  const connection = await from.dial(multiaddr(address), never)
  const stream = new StreamDuplex(await connection.newStream(PROTOCOL))
  stream.on('error', () => {})
  return stream
}

describe('a relay that was modified', () => {
  it('finds no plaintext in anything that goes through it', async () => {
    await using relay = await EvilRelay.start()
    await using one = await relay.peer()
    await using two = await relay.peer()
    const far = await takesStreams(two)
    const stream = await openStream(one, relay.to(idOf(two)))
    stream.end(SECRET.repeat(1_000))
    stream.resume()
    await once(stream, 'end')

    expect(far.bytes().toString()).toBe(SECRET.repeat(1_000))
    const seen = Buffer.concat(relay.seen)
    expect(seen.length).toBeGreaterThan(2 * 1_000 * SECRET.length)
    // Nor the name of the protocol that the peers speak.
    for (const text of [SECRET, SECRET.slice(0, 8), PROTOCOL]) expect(seen.includes(text)).toBe(false)
  })

  it('can not play the peer that a circuit was asked for', async () => {
    await using relay = await EvilRelay.start()
    await using one = await relay.peer()
    await using two = await relay.peer()
    await using accomplice = await relay.peer()
    const far = await takesStreams(accomplice)
    relay.evil = { leadTo: idOf(accomplice) }

    await expect(one.dial(multiaddr(relay.to(idOf(two))), never)).rejects.toThrow(/does not match expected/)
    expect(far.peers).toEqual([])
  })

  it('can not let an accomplice call in the name of another peer', async () => {
    await using relay = await EvilRelay.start()
    await using one = await relay.peer()
    await using two = await relay.peer()
    await using accomplice = await relay.peer()
    relay.evil = { nameAsker: one.node.peerId.toMultihash().bytes }
    const opened: string[] = []
    two.node.addEventListener('connection:open', ({ detail }) => opened.push(detail.remotePeer.toString()))

    const calling = openStream(accomplice, relay.to(idOf(two)))
    await expect(calling).rejects.toThrow()
    expect(opened).toEqual([])
  })

  it.each([
    ['alters a byte', (bytes: Buffer) => flipped(bytes)],
    ['leaves bytes out', (bytes: Buffer) => bytes.subarray(1)],
    ['repeats bytes', (bytes: Buffer) => Buffer.concat([bytes, bytes])],
    ['adds bytes of its own', (bytes: Buffer) => Buffer.concat([Buffer.alloc(64, 1), bytes])],
  ])('gets no wrong byte through when it %s: the stream is reset', async (_what, alter) => {
    await using relay = await EvilRelay.start()
    await using one = await relay.peer()
    await using two = await relay.peer()
    const far = await takesStreams(two)
    const stream = await openStream(one, relay.to(idOf(two)))
    stream.write(SECRET)
    const echoed: Buffer[] = []
    stream.on('data', (bytes: Buffer) => echoed.push(bytes))
    await once(stream, 'data')
    const closed = new Promise((resolve) => stream.on('close', resolve))
    let isAltered = false
    relay.evil = {
      pass: (bytes) => {
        if (isAltered || bytes.length < 1_000) return bytes
        isAltered = true
        return alter(bytes)
      },
    }
    const sent = Buffer.concat([Buffer.from(SECRET), Buffer.alloc(MIB, 'abcdefg')])
    stream.write(sent.subarray(SECRET.length))

    expect(await far.ended).toMatchObject({ code: 'ERR_STREAM_RESET' })
    await closed
    expect(isAltered).toBe(true)
    for (const got of [far.bytes(), Buffer.concat(echoed)]) {
      expect(got.length).toBeLessThan(sent.length)
      expect(got.equals(sent.subarray(0, got.length))).toBe(true)
    }
  })
})

it('a host renews its reservation beside circuits to more peers than libp2p has streams for by default', async () => {
  await using relay = await EvilRelay.start()
  await using one = await relay.peer()
  await using two = await relay.peer()
  const circuits = Array.from({ length: 66 }, () => one.dial(multiaddr(relay.to(idOf(two))), never))
  await Promise.all(circuits)
  const before = relay.reservations
  const [connection] = one.node.getConnections().filter(({ direct }) => direct)
  if (connection === undefined) throw new Error('no connection to the relay')
  await one.reserve(connection.remotePeer)

  expect(relay.reservations).toBe(before + 1)
}, 120_000)

function flipped(bytes: Buffer): Buffer {
  const middle = Math.floor(bytes.length / 2)
  bytes[middle] = (bytes[middle] ?? 0) ^ 1
  return bytes
}
