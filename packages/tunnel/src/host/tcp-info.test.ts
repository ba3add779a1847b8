import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import type { Connection } from '@libp2p/interface'
import { expect, it } from 'vitest'
import { TcpInfo } from './tcp-info.ts'

function connectionOver(socket: object | undefined, status = 'open'): Connection {
  return { status, maConn: socket === undefined ? {} : { socket } } as unknown as Connection
}

it('the kernel tells how many segments were sent on a socket, and none of another one', async () => {
  await using server = createServer((accepted) => accepted.pipe(accepted)).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const sockets = await Promise.all([0, 1].map(() => connected((server.address() as AddressInfo).port)))
  const [used, idle] = sockets
  if (used === undefined || idle === undefined) throw new Error('no sockets')
  const info = new TcpInfo()
  await info.loaded()
  for (let i = 0; i < 5; i++) {
    used.write('a segment')
    await once(used, 'data')
  }

  const [one, other] = sockets.map((socket) => info.read(connectionOver(socket)))
  expect(one).toMatchObject({ sent: 5, sentAgain: 0, isAllAcknowledged: true })
  expect(other).toMatchObject({ sent: 0, sentAgain: 0, isAllAcknowledged: true })
  // The kernel counts the connection itself as one.
  expect(one?.acknowledgedBytes).toBe(5 * 9 + 1)
  for (const socket of sockets) {
    socket.end()
    await text(socket)
  }
  expect(info.read(connectionOver(used))).toBeUndefined()
})

it('nothing is told of what has no TCP socket of its own', async () => {
  const info = new TcpInfo()
  await info.loaded()

  for (const socket of [undefined, {}, { _handle: null }, { _handle: { fd: -1 } }, { _handle: { fd: 0 } }])
    expect(info.read(connectionOver(socket))).toBeUndefined()
})

async function connected(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1')
  await once(socket, 'connect')
  return socket
}
