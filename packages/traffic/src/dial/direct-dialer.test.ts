import type { DialTarget, EndpointAddress } from '@edgeway/core'
import { type DialerUnderTest, dialerContract, serviceOf, startTcpEndpoint } from '@edgeway/testbed'
import { describe, expect, it } from 'vitest'
import { resetSocket } from '../kernel/reset-socket.ts'
import { DirectDialer } from './direct-dialer.ts'

function targetOf(endpoint: EndpointAddress): DialTarget {
  const [service] = serviceOf('shop/web:http', '10.96.0.1', 80).ports
  return { endpoint, service: service?.name ?? expect.fail() }
}

async function open(): Promise<DialerUnderTest> {
  const servers = new AsyncDisposableStack()
  return {
    dialer: new DirectDialer('local'),
    async listen(serve) {
      const server = await startTcpEndpoint((socket) =>
        serve({ stream: socket, reset: () => resetSocket(socket) }),
      )
      return targetOf(servers.use(server).endpoint)
    },
    async refusing() {
      await using gone = await startTcpEndpoint(() => {})
      return targetOf(gone.endpoint)
    },
    [Symbol.asyncDispose]: () => servers.disposeAsync(),
  }
}

describe('DirectDialer', () => {
  it.each(dialerContract(open))('$title', ({ run }) => run())

  it('tells a refused connection from one that has no way', async () => {
    await using under = await open()
    const signal = new AbortController().signal
    const refusing = await under.refusing()
    // A broadcast address: the kernel itself says no.
    const nowhere = targetOf({ ...refusing.endpoint, ip: '255.255.255.255' })

    await expect(under.dialer.dial(refusing, signal)).rejects.toMatchObject({ failure: 'refused' })
    await expect(under.dialer.dial(nowhere, signal)).rejects.toMatchObject({ failure: 'unreachable' })
  })
})
