import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import type { Logger, MultiaddrConnection } from '@libp2p/interface'
import { multiaddr } from '@multiformats/multiaddr'
import { describe, expect, it } from 'vitest'
import { toMultiaddrConnection } from './connection.ts'

const MIB = 1024 * 1024
const CHUNK_BYTES = 256 * 1024
const PATTERN = randomBytes(CHUNK_BYTES)
const remoteAddr = multiaddr('/ip4/127.0.0.1/tcp/1')
const silence = (): void => {}
const log = Object.assign(silence, { enabled: false, error: silence, trace: silence }) as unknown as Logger

/** Both ends of a TCP connection, as libp2p gets them; and the near socket itself. */
class Pair implements AsyncDisposable {
  readonly near: MultiaddrConnection
  readonly far: MultiaddrConnection
  readonly socket: Socket
  readonly #server: Server

  private constructor(server: Server, near: Socket, far: Socket) {
    this.#server = server
    this.socket = near
    this.near = toMultiaddrConnection({ socket: near, remoteAddr, direction: 'outbound', log })
    this.far = toMultiaddrConnection({ socket: far, remoteAddr, direction: 'inbound', log })
  }

  static async open(): Promise<Pair> {
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    const accepted = once(server, 'connection')
    const near = connect((server.address() as AddressInfo).port, '127.0.0.1')
    const [far] = await accepted
    await once(near, 'connect')
    return new Pair(server, near, far)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const end of [this.near, this.far]) end.abort(new Error('the test is over'))
    this.#server.close()
    await once(this.#server, 'close')
  }
}

function ended(connection: MultiaddrConnection): Promise<Error | undefined> {
  return new Promise((resolve) => connection.addEventListener('close', ({ error }) => resolve(error)))
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

describe('a connection by a socket of its own', () => {
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
    expect(pair.socket.writableLength).toBeLessThanOrEqual(MIB)

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
    const farEnded = ended(pair.far)
    pair.near.send(Buffer.alloc(MIB, 7))
    await pair.near.close()

    expect(await farEnded).toBeUndefined()
    expect(Buffer.concat(received).equals(Buffer.alloc(MIB, 7))).toBe(true)
  })

  it('is reset at the other side when it is aborted', async () => {
    await using pair = await Pair.open()
    const farEnded = ended(pair.far)
    pair.near.abort(new Error('enough'))

    expect(await farEnded).toMatchObject({ name: 'StreamResetError' })
  })

  it('is closed twice without harm, in order and by force', async () => {
    await using pair = await Pair.open()
    await pair.near.close()
    await pair.near.close()
    pair.near.abort(new Error('too late'))
    expect(pair.near.status).toBe('closed')
  })
})
