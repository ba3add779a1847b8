import { once } from 'node:events'
import { NO_CONNECTION_POOL } from '@edgeway/core'
import { startTcpEndpoint } from '@edgeway/testbed'
import { describe, expect, it } from 'vitest'
import { eventually, failure, NODE } from '../traffic-lab.ts'
import { OutboundLab } from './outbound-lab.ts'

describe('the limit of connections', () => {
  const limited = (maxConnections: number) => ({
    service: {
      destinationPolicy: {
        balancing: undefined,
        outlierDetection: undefined,
        connectionPool: { ...NO_CONNECTION_POOL, maxConnections },
      },
    },
  })

  it('is not for clients whose requests are looked at, and holds for what is carried as it is', async () => {
    await using web = await startTcpEndpoint((socket) => void socket.pipe(socket), NODE)
    const l7 = { appProtocol: 'http', annotations: { 'edgeway.io/forwarding': 'l7' }, ...limited(1) }
    await using lab = await OutboundLab.start({ ...l7, endpoints: [web.endpoint] })
    const clients = [await lab.connect(), await lab.connect(), await lab.connect()]
    for (const client of clients) client.write('GET / HTTP/1.1\r\n\r\n')
    await lab.serving(3)

    const first = await lab.connect()
    first.write('\x00')
    await once(first, 'data')
    const second = await lab.connect()
    second.write('\x00')

    expect(await failure(second)).toMatchObject({ code: 'ECONNRESET' })
    expect(await lab.flowsEnded()).toMatchObject([{ outcome: 'over-limit' }])
    first.end()
    await lab.flowsEnded(2)
    const third = await lab.connect()
    third.write('\x00')
    await once(third, 'data')
  })

  it('holds for connections made early', async () => {
    await using web = await startTcpEndpoint((socket) => void socket.resume(), NODE)
    const l7 = { appProtocol: 'http', annotations: { 'edgeway.io/forwarding': 'l7' }, ...limited(1) }
    await using lab = await OutboundLab.start({ ...l7, endpoints: [web.endpoint] })
    const clients = [await lab.connect(), await lab.connect(), await lab.connect()]
    await eventually(() => lab.dialer.connections[0])
    for (const client of clients) client.write('GET / HTTP/1.1\r\n\r\n')
    await lab.serving(3)

    expect(lab.dialer.dialled).toBe(1)
    expect(lab.served.filter(({ spare }) => spare !== undefined)).toHaveLength(1)
  })

  it('counts a connection made early once when it is used', async () => {
    await using web = await startTcpEndpoint((socket) => void socket.pipe(socket), NODE)
    const l7 = { appProtocol: 'http', annotations: { 'edgeway.io/forwarding': 'l7' }, ...limited(1) }
    await using lab = await OutboundLab.start({ ...l7, endpoints: [web.endpoint] })
    for (let call = 1; call <= 2; call++) {
      const client = await lab.connect()
      await eventually(() => lab.dialer.connections[call - 1])
      client.end('\x00')
      await once(client, 'data')
      await lab.flowsEnded(call)
    }

    expect(await lab.flowsEnded(2)).toMatchObject([{ outcome: 'completed' }, { outcome: 'completed' }])
  })
})
