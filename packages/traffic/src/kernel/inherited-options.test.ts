import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { expect, it } from 'vitest'
import { addressOf, listenTcp, stopAccepting } from '../listen/tcp-server.ts'
import { serverPreparer } from './inherited-options.ts'
import { loadSocketOptions, type SocketOptions } from './socket-options.ts'

/** A connection as a server accepts it that was prepared so. */
async function accepted(
  ip: string,
  options: Pick<SocketOptions, 'set'>,
): Promise<readonly [Socket, Disposable]> {
  const arrived = Promise.withResolvers<Socket>()
  const server = await listenTcp(
    { ip, port: 0 },
    { onSocket: arrived.resolve, prepare: serverPreparer(options), onFatal: arrived.reject },
  )
  const client = connect(addressOf(server).port, ip)
  await once(client, 'connect')
  const socket = await arrived.promise
  const end = (): void => {
    socket.destroy()
    client.destroy()
    stopAccepting(server)
  }
  return [socket, { [Symbol.dispose]: end }]
}

/** SO_KEEPALIVE of asm-generic/socket.h; TCP_NODELAY, TCP_KEEPIDLE, TCP_KEEPINTVL and TCP_KEEPCNT of linux/tcp.h. */
const PREPARED: readonly (readonly [level: number, name: number])[] = [
  [1, 9],
  [6, 1],
  [6, 4],
  [6, 5],
  [6, 6],
]

async function valuesOf(socket: Socket): Promise<readonly (number | undefined)[]> {
  const options = (await loadSocketOptions()) ?? expect.fail()
  return PREPARED.map(([level, name]) => options.get(socket, { level, name }, 4)?.readInt32LE())
}

it.each(['127.0.0.1', '::1'])('connections to %s have what was set once at their server', async (ip) => {
  const options = (await loadSocketOptions()) ?? expect.fail()
  const [socket, parts] = await accepted(ip, options)
  using _ = parts

  expect(await valuesOf(socket)).toEqual([1, 1, 60, 75, 9])
  // TCP_NOTSENT_LOWAT of linux/tcp.h
  expect(options.get(socket, { level: 6, name: 25 }, 4)?.readInt32LE()).toBe(256 * 1024)
})

it('connections are given it one by one where their server can’t be', async () => {
  const [socket, parts] = await accepted('127.0.0.1', { set: () => false })
  using _ = parts

  expect(await valuesOf(socket)).toEqual([1, 1, 60, 75, 9])
})
