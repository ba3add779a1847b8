import { once } from 'node:events'
import { connect } from 'node:net'
import { startTcpEndpoint } from '@edgeway/testbed'
import { expect, it } from 'vitest'
import { loadSocketOptions } from './socket-options.ts'

/** TCP_NODELAY of linux/tcp.h: one that Node can set, too. */
const NO_DELAY = { level: 6, name: 1 }

it('reads and sets what the kernel has for a socket, as long as there is one', async () => {
  const options = (await loadSocketOptions()) ?? expect.fail()
  await using server = await startTcpEndpoint(() => {})
  const socket = connect({ host: server.endpoint.ip, port: server.endpoint.port, noDelay: true })
  await once(socket, 'connect')

  expect(options.get(socket, NO_DELAY, 4)?.readInt32LE()).toBe(1)
  expect(options.set(socket, NO_DELAY, 0)).toBe(true)
  expect(options.get(socket, NO_DELAY, 4)?.readInt32LE()).toBe(0)

  socket.destroy()
  expect(options.get(socket, NO_DELAY, 4)).toBeUndefined()
  expect(options.set(socket, NO_DELAY, 0)).toBe(false)
})
