import type { Socket } from 'node:net'
import { endpointsOf, FakeDialer, serviceOf, startTcpEndpoint } from '@edgeway/testbed'
import { expect, it } from 'vitest'
import { DirectDialer } from '../dial/direct-dialer.ts'
import { BufferLimitingDialer, bufferLimiter } from './kernel-buffers.ts'
import { loadSocketOptions } from './socket-options.ts'

it('limits the buffers of connections to pods of this node, not of those that go further', async () => {
  await using server = await startTcpEndpoint(() => {})
  const [far] = endpointsOf('edge-2/10.1.0.1:80')
  const tunnel = new FakeDialer()
  if (far !== undefined) tunnel.set(far, () => {})
  const limited: Socket[] = []
  const signal = new AbortController().signal
  const dial = async (
    dialer: ConstructorParameters<typeof BufferLimitingDialer>[0],
    endpoint = server.endpoint,
  ) => {
    const [service] = serviceOf('shop/web:http', '10.96.0.1', 80).ports
    const limiting = new BufferLimitingDialer(dialer, (socket) => void limited.push(socket))
    const connection = await limiting.dial({ endpoint, service: service?.name ?? expect.fail() }, signal)
    connection.reset()
    return connection.stream
  }

  await dial(new DirectDialer('routed'))
  await dial(tunnel, far)
  const local = await dial(new DirectDialer('local'))

  expect(limited).toEqual([local])
})

it('keeps little in the kernel that was written and not sent', async () => {
  const options = (await loadSocketOptions()) ?? expect.fail()
  await using server = await startTcpEndpoint(() => {})
  const [service] = serviceOf('shop/web:http', '10.96.0.1', 80).ports
  const target = { endpoint: server.endpoint, service: service?.name ?? expect.fail() }
  const limiting = new BufferLimitingDialer(new DirectDialer('local'), bufferLimiter(options))

  const { stream, reset } = await limiting.dial(target, new AbortController().signal)

  // TCP_NOTSENT_LOWAT of linux/tcp.h
  const value = options.get(stream as Socket, { level: 6, name: 25 }, 4)
  expect(value?.readInt32LE()).toBe(256 * 1024)
  reset()
})
