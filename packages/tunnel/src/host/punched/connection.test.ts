import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import type { MultiaddrConnection } from '@libp2p/interface'
import { multiaddr } from '@multiformats/multiaddr'
import { describe, it } from 'vitest'
import {
  byteConnectionContract,
  type ConnectionPair,
  SILENT_LOG,
} from '../../../test/byte-connection-contract.ts'
import { toMultiaddrConnection } from './connection.ts'

const remoteAddr = multiaddr('/ip4/127.0.0.1/tcp/1')

/** Both ends of a TCP connection, as libp2p gets them; and the near socket itself. */
class Pair implements ConnectionPair {
  readonly near: MultiaddrConnection
  readonly far: MultiaddrConnection
  readonly socket: Socket
  readonly #server: Server

  private constructor(server: Server, near: Socket, far: Socket) {
    this.#server = server
    this.socket = near
    this.near = toMultiaddrConnection({ socket: near, remoteAddr, direction: 'outbound', log: SILENT_LOG })
    this.far = toMultiaddrConnection({ socket: far, remoteAddr, direction: 'inbound', log: SILENT_LOG })
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

  pendingBytes(): number {
    return this.socket.writableLength
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const end of [this.near, this.far]) end.abort(new Error('the test is over'))
    this.#server.close()
    await once(this.#server, 'close')
  }
}

describe('a connection by a socket of its own', () => {
  it.each(byteConnectionContract(() => Pair.open()))('$title', ({ run }) => run())
})
