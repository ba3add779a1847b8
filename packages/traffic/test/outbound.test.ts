import { once } from 'node:events'
import type { Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import { formatEndpoint } from '@edgeway/core'
import { endpointsOf, FakeDialer, startTcpEndpoint } from '@edgeway/testbed'
import { describe, expect, it } from 'vitest'
import { Bulk, digestOf } from './bulk.ts'
import { eventually, failure, INTERCEPTIONS, NODE, openDescriptors, TrafficLab } from './traffic-lab.ts'

const MIB = 1024 * 1024

const echo = (socket: Socket): void => void socket.pipe(socket)

describe.each(INTERCEPTIONS)('Traffic with %s', (interception) => {
  it('carries 30 MB both ways at once unchanged, each way to its own end', async () => {
    const served = Promise.withResolvers<Socket>()
    await using web = await startTcpEndpoint(served.resolve, NODE)
    await using lab = await TrafficLab.start({ interception })
    const client = await lab.connect(lab.addService('shop/web:http', [web.endpoint]))
    const endpoint = await served.promise
    const upload = new Bulk(30 * MIB)
    const download = new Bulk(30 * MIB)

    upload.pipe(client)
    expect(await digestOf(endpoint)).toBe(upload.digest())
    download.pipe(endpoint)
    expect(await digestOf(client)).toBe(download.digest())

    expect(await lab.flowsEnded()).toMatchObject([
      { outcome: 'completed', bytesSent: 30 * MIB, bytesReceived: 30 * MIB },
    ])
  })

  it('delivers what comes together with the end of the stream, both ways', async () => {
    await using web = await startTcpEndpoint(async (socket) => {
      socket.end(`got ${await text(socket)}`)
    }, NODE)
    await using lab = await TrafficLab.start({ interception })
    const client = await lab.connect(lab.addService('shop/web:http', [web.endpoint]))

    client.end('question')

    expect(await text(client)).toBe('got question')
  })

  it('lets the endpoint speak first', async () => {
    await using web = await startTcpEndpoint((socket) => void socket.resume().end('220 welcome'), NODE)
    await using lab = await TrafficLab.start({ interception })
    const client = await lab.connect(lab.addService('shop/mail:smtp', [web.endpoint]))

    expect(await text(client)).toBe('220 welcome')
    client.end()
  })

  it('keeps what the client says before the endpoint is connected, its end included', async () => {
    const dialer = new FakeDialer()
    const endpoints = endpointsOf('edge-2/10.1.0.1:80')
    await using lab = await TrafficLab.start({ interception, dialer })
    const received = Promise.withResolvers<string>()
    for (const endpoint of endpoints)
      dialer.set(endpoint, async ({ stream }) => received.resolve(await text(stream.end())))
    const client = await lab.connect(lab.addService('shop/web:http', endpoints))

    client.end('early')

    expect(await received.promise).toBe('early')
  })

  it('passes a reset of the client on to the endpoint', async () => {
    const served = Promise.withResolvers<Socket>()
    await using web = await startTcpEndpoint(served.resolve, NODE)
    await using lab = await TrafficLab.start({ interception })
    const client = await lab.connect(lab.addService('shop/web:http', [web.endpoint]))
    const atEndpoint = failure(await served.promise)

    client.resetAndDestroy()

    expect(await atEndpoint).toMatchObject({ code: 'ECONNRESET' })
    expect(await lab.flowsEnded()).toMatchObject([{ outcome: 'client-reset' }])
  })

  it('passes a reset of the endpoint on to the client', async () => {
    const served = Promise.withResolvers<Socket>()
    await using web = await startTcpEndpoint(served.resolve, NODE)
    await using lab = await TrafficLab.start({ interception })
    const client = await lab.connect(lab.addService('shop/web:http', [web.endpoint]))
    const endpoint = await served.promise
    endpoint.write('hello')
    await once(client, 'readable')
    const atClient = failure(client)

    endpoint.resetAndDestroy()

    expect(await atClient).toMatchObject({ code: 'ECONNRESET' })
    expect(await lab.flowsEnded()).toMatchObject([{ outcome: 'endpoint-reset' }])
  })

  it('outlives both ends dying at once, at any stage', async () => {
    const served: Socket[] = []
    await using web = await startTcpEndpoint((socket) => void served.push(socket.resume()), NODE)
    await using lab = await TrafficLab.start({ interception })
    const service = lab.addService('shop/web:http', [web.endpoint])
    const stages: readonly ((socket: Socket) => void)[] = [
      () => {},
      (socket) => void socket.write(Buffer.alloc(MIB)),
      (socket) => void socket.end('bye'),
    ]
    for (const [number, act] of stages.entries()) {
      const client = await lab.connect(service)
      const endpoint = await eventually(() => served[number])
      act(client)
      act(endpoint)
      client.resetAndDestroy()
      endpoint.resetAndDestroy()
    }

    await lab.flowsEnded(stages.length)
    expect(lab.deps.metrics.value('edgeway_traffic_active_flows', { direction: 'outbound' })).toBe(0)
  })

  it('holds a sender back whose receiver does not read, while other flows go on', async () => {
    const stuck = await startTcpEndpoint((socket) => void socket.pause(), NODE)
    await using _stuck = stuck
    await using web = await startTcpEndpoint(echo, NODE)
    await using lab = await TrafficLab.start({ interception, drainTimeoutMs: 0 })
    const stopped = await lab.connect(lab.addService('shop/stuck:http', [stuck.endpoint]))
    const upload = new Bulk(256 * MIB)
    upload.pipe(stopped)

    const other = await lab.connect(lab.addService('shop/web:http', [web.endpoint]))
    const transfer = new Bulk(32 * MIB)
    transfer.pipe(other)
    expect(await digestOf(other)).toBe(transfer.digest())

    // Two connections' kernel buffers at their largest, and ours.
    expect(upload.taken).toBeLessThan(24 * MIB)
    upload.destroy()
  })

  it('leaves no descriptor behind after 1,000 short connections', async () => {
    await using web = await startTcpEndpoint(echo, NODE)
    await using lab = await TrafficLab.start({ interception })
    const service = lab.addService('shop/web:http', [web.endpoint])
    const call = async (): Promise<void> => {
      const client = await lab.connect(service)
      client.end('hello')
      expect(await text(client)).toBe('hello')
    }
    await call()
    await lab.flowsEnded(1)
    const before = openDescriptors()

    for (let round = 0; round < 20; round++) await Promise.all(Array.from({ length: 50 }, call))

    const flows = await lab.flowsEnded(1_001)
    expect(flows.every(({ outcome }) => outcome === 'completed')).toBe(true)
    await expect.poll(openDescriptors).toBeLessThanOrEqual(before)
  })

  it('tells of each flow who called what by which path', async () => {
    await using web = await startTcpEndpoint(echo, NODE)
    await using lab = await TrafficLab.start({ interception })
    const service = lab.addService('shop/web:http', [web.endpoint])
    const client = await lab.connect(service)
    await once(client, 'connect')
    const from = `${client.localAddress}:${client.localPort}`
    client.end('hello')
    await text(client)

    expect(await lab.flowsEnded()).toEqual([
      {
        component: 'traffic',
        direction: 'outbound',
        service,
        endpoint: formatEndpoint(web.endpoint),
        path: 'local',
        client: from,
        outcome: 'completed',
        attempts: 1,
        bytesSent: 5,
        bytesReceived: 5,
        durationMs: expect.any(Number),
        connectMs: expect.any(Number),
      },
    ])
    const labels = { direction: 'outbound', service, path: 'local', outcome: 'completed' }
    expect(lab.deps.metrics.value('edgeway_traffic_flows_total', labels)).toBe(1)
    expect(
      lab.deps.metrics.value('edgeway_traffic_bytes_total', { direction: 'outbound', path: 'local' }),
    ).toBe(10)
  })
})
