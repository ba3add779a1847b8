import { once } from 'node:events'
import { connect, createServer, type Server } from 'node:net'
import { generateKeyPair } from '@libp2p/crypto/keys'
import type { Connection, Stream } from '@libp2p/interface'
import { multiaddr } from '@multiformats/multiaddr'
import { describe, expect, it } from 'vitest'
import { type Host, startServerHost } from './host.ts'
import { StreamDuplex } from './stream-duplex.ts'

const PROTOCOL = '/test/1.0.0'
const MIB = 1024 * 1024
const WINDOW_BYTES = 1 * MIB
const CHUNK = Buffer.alloc(64 * 1024)

/** Two hosts with a connection, and both ends of streams on it. */
class Pair implements AsyncDisposable {
  readonly connection: Connection
  readonly far: Host
  readonly #near: Host
  readonly #between: Server
  #arrived: (stream: Stream) => void = () => {}

  private constructor(parts: { near: Host; far: Host; between: Server }, connection: Connection) {
    this.#near = parts.near
    this.far = parts.far
    this.#between = parts.between
    this.connection = connection
  }

  static async create(): Promise<Pair> {
    const [near, far] = await Promise.all([newHost(), newHost()])
    const between = createServer((socket) => {
      const [, port] = far.listenAddresses()[0]?.getComponents() ?? []
      const onwards = connect(Number(port?.value), '127.0.0.1')
      for (const each of [socket, onwards]) each.on('error', () => {})
      socket.pipe(onwards).pipe(socket)
      between.once('end connections', () => socket.end())
    }).listen(0, '127.0.0.1')
    await once(between, 'listening')
    const dialling = new AbortController()
    const address = multiaddr(`/ip4/127.0.0.1/tcp/${portOf(between)}/p2p/${far.node.peerId}`)
    const connection = await near.dial(address, dialling.signal)
    const pair = new Pair({ near, far, between }, connection)
    await far.node.handle(PROTOCOL, (stream) => pair.#arrived(stream))
    // What becomes of the signal after the dial must not matter to the connection.
    dialling.abort()
    return pair
  }

  async open(): Promise<{ one: StreamDuplex; two: StreamDuplex; raw: Stream }> {
    const { promise, resolve } = Promise.withResolvers<Stream>()
    this.#arrived = resolve
    const raw = await this.connection.newStream(PROTOCOL)
    const [one, two] = [new StreamDuplex(raw), new StreamDuplex(await promise)]
    // Those that a test does not expect come from its end.
    for (const stream of [one, two]) stream.on('error', () => {})
    return { one, two, raw }
  }

  /** As a relay or a host that was killed does: the TCP connection ends, and nothing was said before. */
  endConnection(): void {
    this.#between.emit('end connections')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.#near.stop(), this.far.stop()])
    this.#between.close()
  }
}

function portOf(server: Server): number {
  const address = server.address()
  return typeof address === 'object' && address !== null ? address.port : 0
}

async function newHost(): Promise<Host> {
  const key = await generateKeyPair('Ed25519')
  return startServerHost({ key, listenHost: '127.0.0.1', listenPort: 0, gater: {} })
}

async function textOf(stream: StreamDuplex): Promise<string> {
  return Buffer.concat(await stream.toArray()).toString()
}

describe('a stream as a Duplex', () => {
  it('keeps the other direction open after an end', async () => {
    await using pair = await Pair.create()
    const { one, two } = await pair.open()
    one.end('question')
    expect(await textOf(two)).toBe('question')

    two.end('answer')
    expect(await textOf(one)).toBe('answer')
  })

  it('delivers what came before anybody listened, the end included', async () => {
    await using pair = await Pair.create()
    const { one, two } = await pair.open()
    two.end('early')
    one.end()
    await once(two, 'finish')

    expect(await textOf(one)).toBe('early')
  })

  it.each([
    ['reset', (stream: StreamDuplex) => stream.reset()],
    ['destroyed', (stream: StreamDuplex) => void stream.destroy()],
  ])('is an error at the other side when it is %s', async (_what, end) => {
    await using pair = await Pair.create()
    const { one, two } = await pair.open()
    one.write('x')
    await once(two, 'readable')
    end(one)

    const [error] = await once(two, 'error')
    expect(error).toMatchObject({ code: 'ERR_STREAM_RESET' })
  })

  it('is reset by the other side also after its own end', async () => {
    await using pair = await Pair.create()
    const { one, two } = await pair.open()
    one.end()
    two.resume()
    await once(two, 'end')
    two.reset()

    const [error] = await once(one, 'error')
    expect(error).toMatchObject({ code: 'ERR_STREAM_RESET' })
  })

  it('stops a writer whose bytes nobody reads within its window, while other streams go on', async () => {
    await using pair = await Pair.create()
    const stopped = await pair.open()
    let taken = 0
    for (let i = 0; i < 8 * 16; i++) {
      stopped.one.write(CHUNK, () => {
        taken += CHUNK.length
      })
    }
    const running = await pair.open()
    running.one.end(Buffer.alloc(8 * MIB))
    expect((await textOf(running.two)).length).toBe(8 * MIB)
    expect(taken).toBeLessThan(2 * WINDOW_BYTES)

    stopped.one.end()
    expect((await textOf(stopped.two)).length).toBe(8 * MIB)
  })

  it('does not reset a slow reader', async () => {
    await using pair = await Pair.create()
    const { one, two } = await pair.open()
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
    await using pair = await Pair.create()
    const { one, two, raw } = await pair.open()
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

it.each([
  ['is reset', (pair: Pair) => pair.far.node.getConnections().map((each) => each.abort(new Error('gone')))],
  ['just ends', (pair: Pair) => pair.endConnection()],
])('takes a connection that %s for a reset, not for an end', async (_what, lose) => {
  await using pair = await Pair.create()
  const { one, two } = await pair.open()
  two.write('x')
  await once(one, 'readable')
  const lost = once(one.resume(), 'error')
  lose(pair)

  const [error] = await lost
  expect(error).toMatchObject({ code: 'ERR_STREAM_RESET' })
  expect(one.readableEnded).toBe(false)
})
