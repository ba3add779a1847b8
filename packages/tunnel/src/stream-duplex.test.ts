import { once } from 'node:events'
import { generateKeyPair } from '@libp2p/crypto/keys'
import type { Connection, Stream } from '@libp2p/interface'
import { multiaddr } from '@multiformats/multiaddr'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Host, startServerHost } from './host.ts'
import { StreamDuplex } from './stream-duplex.ts'

const PROTOCOL = '/test/1.0.0'
const MIB = 1024 * 1024
const WINDOW_BYTES = 1 * MIB

let near: Host
let far: Host
let connection: Connection
let arrived: (stream: Stream) => void

beforeAll(async () => {
  near = await newHost()
  far = await newHost()
  await far.node.handle(PROTOCOL, (stream) => arrived(stream), { maxInboundStreams: 100 })
  const [address] = far.listenAddresses()
  const dialling = new AbortController()
  connection = await near.dial(multiaddr(`${address}/p2p/${far.node.peerId}`), dialling.signal)
  // What happens to the signal after the dial must not matter; it would close the connection of all tests.
  dialling.abort()
})

afterAll(async () => {
  await near.node.stop()
  await far.node.stop()
})

async function newHost(): Promise<Host> {
  const key = await generateKeyPair('Ed25519')
  return startServerHost({ key, listenHost: '127.0.0.1', listenPort: 0, gater: {} })
}

/** Both ends of a new stream. */
async function newPair(): Promise<{ one: StreamDuplex; two: StreamDuplex; raw: Stream }> {
  const { promise, resolve } = Promise.withResolvers<Stream>()
  arrived = resolve
  const raw = await connection.newStream(PROTOCOL, { maxOutboundStreams: 100 })
  return { one: new StreamDuplex(raw), two: new StreamDuplex(await promise), raw }
}

async function textOf(stream: StreamDuplex): Promise<string> {
  return Buffer.concat(await stream.toArray()).toString()
}

/** Writes until the stream has not taken anything for a while of turns; returns the bytes that it took. */
async function fill(stream: StreamDuplex, limit: number): Promise<number> {
  const chunk = Buffer.alloc(64 * 1024)
  let written = 0
  while (written < limit) {
    const { promise, resolve } = Promise.withResolvers<boolean>()
    stream.write(chunk, () => resolve(true))
    const stalled = setTimeout(() => resolve(false), 300)
    const taken = await promise
    clearTimeout(stalled)
    if (!taken) return written
    written += chunk.length
  }
  return written
}

describe('a stream as a Duplex', () => {
  it('keeps the other direction open after an end', async () => {
    const { one, two } = await newPair()
    one.end('question')
    expect(await textOf(two)).toBe('question')

    two.end('answer')
    expect(await textOf(one)).toBe('answer')
  })

  it('delivers what came before anybody listened, the end included', async () => {
    const { one, two } = await newPair()
    two.end('early')
    one.end()
    await once(two, 'finish')

    expect(await textOf(one)).toBe('early')
  })

  it.each([
    ['reset', (stream: StreamDuplex) => stream.reset()],
    ['destroyed', (stream: StreamDuplex) => void stream.destroy()],
  ])('is an error at the other side when it is %s', async (_what, end) => {
    const { one, two } = await newPair()
    one.write('x')
    await once(two, 'readable')
    end(one)

    const [error] = await once(two, 'error')
    expect(error).toMatchObject({ code: 'ERR_STREAM_RESET' })
  })

  it('is reset by the other side also after its own end', async () => {
    const { one, two } = await newPair()
    one.end()
    two.resume()
    await once(two, 'end')
    two.reset()

    const [error] = await once(one, 'error')
    expect(error).toMatchObject({ code: 'ERR_STREAM_RESET' })
  })

  it('stops a writer whose bytes nobody reads, within its window, and loses nothing of them', async () => {
    const { one, two } = await newPair()
    const total = 8 * MIB
    const taken = await fill(one, total)
    expect(taken).toBeLessThan(2 * WINDOW_BYTES)

    let received = 0
    two.on('data', (chunk: Buffer) => {
      received += chunk.length
    })
    await once(one, 'drain')
    one.end(Buffer.alloc(total))
    await once(two, 'end')
    expect(received).toBeGreaterThanOrEqual(taken + total)
  })

  it('lets other streams of the connection go on while one is stopped', async () => {
    const stopped = await newPair()
    await fill(stopped.one, 8 * MIB)

    const { one, two } = await newPair()
    one.end(Buffer.alloc(8 * MIB))
    expect((await textOf(two)).length).toBe(8 * MIB)
    stopped.one.reset()
  })

  it('does not reset a slow reader', async () => {
    const { one, two } = await newPair()
    const total = 12 * MIB
    one.end(Buffer.alloc(total))
    let received = 0
    for await (const chunk of two) {
      received += chunk.length
      await new Promise((resolve) => setImmediate(resolve))
    }

    expect(received).toBe(total)
  })

  it('holds no more than the window beside what it was given', async () => {
    const { one, two, raw } = await newPair()
    let most = 0
    two.on('data', () => {
      most = Math.max(most, raw.writeBufferLength)
    })
    for (let i = 0; i < 200; i++) if (!one.write(Buffer.alloc(50_000))) await once(one, 'drain')
    one.end()
    await once(two, 'end')

    expect(most).toBeLessThan(WINDOW_BYTES)
  })
})

it('takes the loss of the connection for a reset, not for an end', async () => {
  const { one, two } = await newPair()
  one.write('x')
  await once(two, 'readable')
  const lost = once(one, 'error')
  far.node.getConnections().forEach((each) => {
    each.abort(new Error('gone'))
  })

  const [error] = await lost
  expect(error).toMatchObject({ code: 'ERR_STREAM_RESET' })
  expect(one.readableEnded).toBe(false)
})
