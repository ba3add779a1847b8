import { once } from 'node:events'
import type { Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import { type ConnectionPool, NO_CONNECTION_POOL, type Service } from '@edgeway/core'
import { startTcpEndpoint } from '@edgeway/testbed'
import { describe, expect, it } from 'vitest'
import { eventually, failure, INTERCEPTIONS, NODE, TrafficLab } from './traffic-lab.ts'

const echo = (socket: Socket): void => void socket.pipe(socket)

function poolOf(wish: Partial<ConnectionPool>): Partial<Service> {
  const connectionPool = { ...NO_CONNECTION_POOL, ...wish }
  return { destinationPolicy: { balancing: undefined, connectionPool, outlierDetection: undefined } }
}

describe.each(INTERCEPTIONS)('Traffic with %s', (interception) => {
  it('refuses connections beyond the limit of a DestinationRule, until one has ended', async () => {
    await using web = await startTcpEndpoint(echo, NODE)
    await using lab = await TrafficLab.start({ interception })
    const service = lab.addService('shop/web:http', [web.endpoint], poolOf({ maxConnections: 1 }))
    const first = await lab.connect(service)
    first.write('first')
    await once(first, 'data')

    expect(await failure(await lab.connect(service))).toMatchObject({ code: 'ECONNRESET' })
    expect(await lab.flowsEnded()).toMatchObject([{ outcome: 'over-limit', service }])

    first.end()
    await lab.flowsEnded(2)
    expect(await lab.call(service)).toBe('')
    expect(await lab.flowsEnded(3)).toMatchObject([{}, {}, { outcome: 'completed' }])
  })

  it('resets a connection that is silent for longer than a DestinationRule allows', async () => {
    await using web = await startTcpEndpoint(echo, NODE)
    await using lab = await TrafficLab.start({ interception })
    const service = lab.addService('shop/web:http', [web.endpoint], poolOf({ idleTimeoutMs: 20 }))

    expect(await failure(await lab.connect(service))).toMatchObject({ code: 'ECONNRESET' })
    expect(await lab.flowsEnded()).toMatchObject([{ outcome: 'idle-timeout' }])
  })

  it('resets a connection that lasts for longer than a DestinationRule allows', async () => {
    await using web = await startTcpEndpoint(echo, NODE)
    await using lab = await TrafficLab.start({ interception })
    const service = lab.addService('shop/web:http', [web.endpoint], poolOf({ maxConnectionDurationMs: 20 }))

    expect(await failure(await lab.connect(service))).toMatchObject({ code: 'ECONNRESET' })
    expect(await lab.flowsEnded()).toMatchObject([{ outcome: 'max-duration' }])
  })

  it('says by the PROXY protocol who calls, before the first byte of the client', async () => {
    const received = Promise.withResolvers<Buffer>()
    await using web = await startTcpEndpoint(async (socket) => {
      const chunks: Buffer[] = []
      for await (const chunk of socket) chunks.push(chunk)
      received.resolve(Buffer.concat(chunks))
      socket.end()
    }, NODE)
    await using lab = await TrafficLab.start({ interception })
    const service = lab.addService('shop/web:http', [web.endpoint], {
      annotations: { 'edgeway.io/proxy-protocol': 'v2' },
    })
    const client = await lab.connect(service)
    await once(client, 'connect')
    const port = client.localPort
    client.end('hello')

    const bytes = await received.promise
    expect(bytes.subarray(28).toString()).toBe('hello')
    expect(bytes.subarray(16, 20).join('.')).toBe('127.0.1.1')
    expect(bytes.subarray(20, 24).join('.'), 'the ClusterIP').toBe('10.96.0.1')
    expect([bytes.readUInt16BE(24), bytes.readUInt16BE(26)]).toEqual([port, 80])
  })

  it('keeps a client with its endpoint where the Service wants session affinity', async () => {
    const name = (answer: string) => startTcpEndpoint((socket) => void socket.resume().end(answer), NODE)
    await using one = await name('one')
    await using two = await name('two')
    await using lab = await TrafficLab.start({ interception })
    const service = lab.addService('shop/web:http', [one.endpoint, two.endpoint], {
      clientIpAffinitySeconds: 60,
    })

    const answers = new Set<string>()
    for (let call = 0; call < 10; call++) answers.add(await lab.call(service))

    expect([...answers]).toHaveLength(1)
  })

  it('leaves out an endpoint that resets one connection after the other without a word', async () => {
    await using broken = await startTcpEndpoint((socket) => void socket.resetAndDestroy(), NODE)
    await using lab = await TrafficLab.start({ interception })
    const service = lab.addService('shop/web:http', [broken.endpoint])

    for (let call = 0; call < 5; call++) {
      await failure(await lab.connect(service))
      await lab.flowsEnded(call + 1)
    }

    await eventually(() => lab.traffic.health.state(service, broken.endpoint) === 'unhealthy' || undefined)
  })

  it('does not hold it against an endpoint that it resets connections which it has answered', async () => {
    await using web = await startTcpEndpoint((socket) => {
      socket.once('data', () => socket.write('answer', () => socket.resetAndDestroy()))
    }, NODE)
    await using lab = await TrafficLab.start({ interception })
    const service = lab.addService('shop/web:http', [web.endpoint])

    for (let call = 0; call < 8; call++) {
      const client = await lab.connect(service)
      client.write('question')
      await text(client).catch(() => '')
      await lab.flowsEnded(call + 1)
    }

    expect(lab.traffic.health.state(service, web.endpoint)).toBe('healthy')
  })
})
