import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { Duplex } from 'node:stream'
import type { MultiaddrConnection } from '@libp2p/interface'
import { multiaddr } from '@multiformats/multiaddr'
import { describe, expect, it } from 'vitest'
import { WebSocket, WebSocketServer } from 'ws'
import {
  byteConnectionContract,
  type ConnectionPair,
  SILENT_LOG,
} from '../../../test/byte-connection-contract.ts'
import { WEB_SOCKET_LIMITS } from '../limits.ts'
import { toMultiaddrConnection } from './connection.ts'

const remoteAddr = multiaddr('/ip4/127.0.0.1/tcp/1/ws')

/** Both ends of a WebSocket, as connections; and the client's end itself. */
class Pair implements ConnectionPair {
  readonly near: MultiaddrConnection
  readonly far: MultiaddrConnection
  readonly raw: WebSocket
  readonly #server: Server

  private constructor(server: Server, near: [WebSocket, Duplex], far: [WebSocket, Duplex]) {
    this.#server = server
    this.raw = near[0]
    const [one, two] = [near, far].map(([webSocket, socket]) =>
      toMultiaddrConnection({ webSocket, socket, remoteAddr, direction: 'outbound', log: SILENT_LOG }),
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

  pendingBytes(): number {
    return this.raw.bufferedAmount
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const end of [this.near, this.far]) end.abort(new Error('the test is over'))
    this.#server.close()
    await once(this.#server, 'close')
  }
}

describe('a connection by WebSocket', () => {
  it.each(byteConnectionContract(() => Pair.open()))('$title', ({ run }) => run())

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
