import { once } from 'node:events'
import type { Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import { endpointsOf, FakeDialer, startTcpEndpoint } from '@edgeway/testbed'
import { describe, expect, it } from 'vitest'
import { eventually, INTERCEPTIONS, NODE, openDescriptors, TrafficLab } from './traffic-lab.ts'

const echo = (socket: Socket): void => void socket.pipe(socket)

describe.each(INTERCEPTIONS)('stopping Traffic with %s', (interception) => {
  it('waits for open flows, and accepts no new ones', async () => {
    await using web = await startTcpEndpoint(echo, NODE)
    await using lab = await TrafficLab.start({ interception })
    const service = lab.addService('shop/web:http', [web.endpoint])
    const client = await lab.connect(service)
    client.write('before ')
    await once(client, 'readable')

    const stopped = lab.traffic[Symbol.asyncDispose]()
    expect(lab.traffic.listeners.listener(service, 'IPv4')).toBeUndefined()
    client.end('after')

    expect(await text(client)).toBe('before after')
    await stopped
    expect(await lab.flowsEnded()).toMatchObject([{ outcome: 'completed' }])
  })

  it('cuts flows that last longer than the drain does', async () => {
    const before = openDescriptors()
    {
      await using web = await startTcpEndpoint(echo, NODE)
      await using lab = await TrafficLab.start({ interception, drainTimeoutMs: 20 })
      const client = await lab.connect(lab.addService('shop/web:http', [web.endpoint]))
      client.write('hello')
      await once(client, 'readable')
      const failed = new Promise((resolve) => client.resume().on('error', resolve))

      await lab.traffic[Symbol.asyncDispose]()

      expect(await failed).toMatchObject({ code: 'ECONNRESET' })
      expect(await lab.flowsEnded()).toMatchObject([{ outcome: 'cut' }])
    }
    await expect.poll(openDescriptors).toBeLessThanOrEqual(before)
  })

  it('cuts flows that are not connected to an endpoint yet', async () => {
    const endpoints = endpointsOf('edge-2/10.1.0.1:80')
    const dialer = new FakeDialer()
    for (const endpoint of endpoints) dialer.set(endpoint, 'silent')
    await using lab = await TrafficLab.start({ interception, dialer, drainTimeoutMs: 20 })
    await lab.connect(lab.addService('shop/web:http', endpoints))
    await eventually(() => dialer.dialled[0])

    await lab.traffic[Symbol.asyncDispose]()

    expect(await lab.flowsEnded()).toMatchObject([{ outcome: 'cut' }])
  })

  it('may be asked for twice', async () => {
    await using lab = await TrafficLab.start({ interception })

    await lab.traffic[Symbol.asyncDispose]()
    await lab.traffic[Symbol.asyncDispose]()

    expect(lab.deps.fatal).toEqual([])
  })
})
