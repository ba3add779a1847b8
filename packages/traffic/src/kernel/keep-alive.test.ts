import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { serviceOf, startTcpEndpoint } from '@edgeway/testbed'
import { expect, it } from 'vitest'
import { DirectDialer } from '../dial/direct-dialer.ts'
import { addressOf, listenTcp, stopAccepting } from '../listen/tcp-server.ts'
import { loadSocketOptions } from './socket-options.ts'

/** TCP_KEEPIDLE, TCP_KEEPINTVL and TCP_KEEPCNT of linux/tcp.h. */
const KEEP_ALIVE_OPTIONS = [4, 5, 6]

/** Seconds until the first probe, seconds between probes, and how many stay unanswered. */
async function probesOf(socket: Socket): Promise<readonly (number | undefined)[]> {
  const options = (await loadSocketOptions()) ?? expect.fail()
  return KEEP_ALIVE_OPTIONS.map((name) => options.get(socket, { level: 6, name }, 4)?.readInt32LE())
}

it('lets a silent connection to an endpoint outlive a link that is away for minutes', async () => {
  await using server = await startTcpEndpoint(() => {})
  const [service] = serviceOf('shop/web:http', '10.96.0.1', 80).ports
  const target = { endpoint: server.endpoint, service: service?.name ?? expect.fail() }
  const connection = await new DirectDialer('routed').dial(target, new AbortController().signal)

  expect(await probesOf(connection.stream as Socket)).toEqual([60, 75, 9])

  connection.reset()
})

it('lets a silent client outlive as much', async () => {
  const accepted = Promise.withResolvers<Socket>()
  const deps = { onSocket: accepted.resolve, onFatal: accepted.reject }
  const server = await listenTcp({ ip: '127.0.0.1', port: 0 }, deps)
  const client = connect(addressOf(server).port, '127.0.0.1')
  await once(client, 'connect')
  const socket = await accepted.promise

  expect(await probesOf(socket)).toEqual([60, 75, 9])

  socket.destroy()
  client.destroy()
  stopAccepting(server)
})
