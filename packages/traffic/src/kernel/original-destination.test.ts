import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { expect, it } from 'vitest'
import { originalDestinationReader } from './original-destination.ts'
import { loadSocketOptions } from './socket-options.ts'

it('knows no destination of a connection that was not redirected, other than its own', async () => {
  const options = await loadSocketOptions()
  const read = originalDestinationReader(options ?? expect.fail())
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the server has no address')
  const client = connect(address.port, address.address)
  const [accepted] = (await once(server, 'connection')) as [Socket]

  // With connection tracking the kernel names the listener itself, without it nothing.
  expect([undefined, { ip: address.address, port: address.port }]).toContainEqual(read(accepted, 'IPv4'))

  accepted.destroy()
  expect(read(accepted, 'IPv4')).toBeUndefined()
  client.destroy()
  server.close()
})
