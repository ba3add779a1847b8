import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { startTcpEndpoint } from '@edgeway/testbed'
import { expect, it } from 'vitest'
import { openDescriptors } from '../../test/traffic-lab.ts'
import { resetSocket } from './reset-socket.ts'

const STATES: readonly (readonly [string, (socket: Socket) => void])[] = [
  ['idle', () => {}],
  ['with bytes on their way', (socket) => void socket.write(Buffer.alloc(20_000_000))],
  ['that was just ended', (socket) => void socket.end()],
  ['that was just ended with bytes on their way', (socket) => void socket.end(Buffer.alloc(20_000_000))],
  ['that was destroyed', (socket) => void socket.destroy()],
]

it.each(STATES)('closes a socket %s and leaks no descriptor', async (_state, bring) => {
  await using server = await startTcpEndpoint(() => {})
  const before = openDescriptors()
  const socket = connect({ host: server.endpoint.ip, port: server.endpoint.port, allowHalfOpen: true })
  await once(socket, 'connect')
  const closed = once(socket, 'close')

  bring(socket)
  resetSocket(socket)

  await closed
  // The server's side of the connection is still open.
  await expect.poll(openDescriptors).toBeLessThanOrEqual(before + 1)
})
