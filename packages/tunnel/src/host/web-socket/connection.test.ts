import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Logger, MultiaddrConnection } from '@libp2p/interface'
import { multiaddr } from '@multiformats/multiaddr'
import { describe, expect, it } from 'vitest'
import { WebSocket, WebSocketServer } from 'ws'
import { WEB_SOCKET_LIMITS } from '../limits.ts'
import { toMultiaddrConnection } from './connection.ts'

const MIB = 1024 * 1024
const CHUNK_BYTES = 256 * 1024
const PATTERN = randomBytes(CHUNK_BYTES)
const remoteAddr = multiaddr('/ip4/127.0.0.1/tcp/1/ws')
const silence = (): void => {}
const log = Object.assign(silence, { enabled: false, error: silence, trace: silence }) as unknown as Logger

/** Both ends of a WebSocket, as connections; and the client's end itself. */
class Pair implements AsyncDisposable {
  readonly near: MultiaddrConnection
  readonly far: MultiaddrConnection
  readonly raw: WebSocket
  readonly #server: Server

  private constructor(server: Server, near: [WebSocket, Duplex], far: [WebSocket, Duplex]) {
    this.#server = server
    this.raw = near[0]
    const [one, two] = [near, far].map(([webSocket, socket]) =>
      toMultiaddrConnection({ webSocket, socket, remoteAddr, direction: 'outbound', log }),
    )
    if (one === undefined || two === undefined) throw new Error('no connections')
    this.near = one
    this.far = two
  }

  static async open(): Promise<Pair> {
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    const address = server.address()
    const port = typeof address === 'object' ? address?.port : undefined
    const accepted = Promise.withResolvers<[WebSocket, Duplex]>()
    const webSockets = new WebSocketServer({ noServer: true, maxPayload: WEB_SOCKET_LIMITS.maxMessageBytes })
    server.on('upgrade', (request, socket, head) =>
      webSockets.handleUpgrade(request, socket, head, (each) => accepted.resolve([each, socket])),
    )
    const client = new WebSocket(`ws://127.0.0.1:${port}`)
    const [[response]] = await Promise.all([once(client, 'upgrade'), once(client, 'open')])
    return new Pair(server, [client, response.socket], await accepted.promise)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const end of [this.near, this.far]) end.abort(new Error('the test is over'))
    this.#server.close()
    await once(this.#server, 'close')
  }
}

/** Sends until there is no more room. */
function fill(connection: MultiaddrConnection): number {
  let sent = 0
  while (sent < 256 * MIB) {
    sent += CHUNK_BYTES
    if (!connection.send(PATTERN)) break
  }
  return sent
}

describe('a connection by WebSocket', () => {
  it('stops who sends to one that does not read, and goes on where it stopped', async () => {
    await using pair = await Pair.open()
    pair.far.addEventListener('message', () => {})
    pair.far.pause()
    let sent = fill(pair.near)
    const isFull = (): boolean => pair.near.writableNeedsDrain
    // The kernel's buffers take some MiB: filled up to where nothing drains any more.
    for (let quiet = 0; quiet < 20; quiet = isFull() ? quiet + 1 : 0) {
      if (!isFull()) sent += fill(pair.near)
      await new Promise((resolve) => setImmediate(resolve))
    }
    expect(sent).toBeLessThan(64 * MIB)
    expect(pair.raw.bufferedAmount).toBeLessThanOrEqual(MIB)

    const received: Uint8Array[] = []
    let bytes = 0
    const { promise: all, resolve } = Promise.withResolvers<void>()
    pair.far.addEventListener('message', ({ data }) => {
      received.push(data.subarray())
      bytes += data.byteLength
      if (bytes === sent) resolve()
    })
    pair.far.resume()
    await all
    const whole = Buffer.concat(received)
    for (let at = 0; at < sent; at += CHUNK_BYTES) {
      expect(whole.subarray(at, at + CHUNK_BYTES).equals(PATTERN)).toBe(true)
    }
  })

  it('ends in order when one side closes it, with all bytes before', async () => {
    await using pair = await Pair.open()
    const received: Uint8Array[] = []
    pair.far.addEventListener('message', ({ data }) => received.push(data.subarray()))
    const ended = new Promise<Error | undefined>((resolve) =>
      pair.far.addEventListener('close', ({ error }) => resolve(error)),
    )
    pair.near.send(Buffer.alloc(MIB, 7))
    await pair.near.close()

    expect(await ended).toBeUndefined()
    expect(Buffer.concat(received).equals(Buffer.alloc(MIB, 7))).toBe(true)
  })

  it('is reset at the other side when it is aborted', async () => {
    await using pair = await Pair.open()
    const ended = new Promise<Error | undefined>((resolve) =>
      pair.far.addEventListener('close', ({ error }) => resolve(error)),
    )
    pair.near.abort(new Error('enough'))

    expect(await ended).toMatchObject({ name: 'StreamResetError' })
  })

  it.each([
    ['text', 'hello', 1003],
    ['a message that is too large', Buffer.alloc(WEB_SOCKET_LIMITS.maxMessageBytes + 1), 1009],
  ])('is closed by who gets %s', async (_what, message, code) => {
    await using pair = await Pair.open()
    const closed = once(pair.raw, 'close')
    pair.raw.send(message)

    expect((await closed)[0]).toBe(code)
  })
})
