import { describe, expect, it } from 'vitest'
import { ManualTimers } from '../manual-timers.ts'
import { eventuallyTrue } from './eventually.ts'
import { closedEndpoint, echo, Talker, UdpEndpoint } from './udp-endpoint.ts'
import { UdpLab } from './udp-lab.ts'

describe('the end of a UDP session', () => {
  it('tells at its end what it came to', async () => {
    const timers = new ManualTimers()
    await using lab = await UdpLab.start({ timers })
    await using server = await UdpEndpoint.start(() => 'four')
    await using client = await Talker.bind()
    const listener = await lab.addService([server.endpoint])
    await client.ask('12', listener)
    await client.ask('345', listener)

    await timers.pass(59_000)
    expect(lab.records).toEqual([])
    await timers.pass(2_000)

    const { port } = client.address
    expect(lab.records).toMatchObject([
      {
        outcome: 'completed',
        service: 'shop/meter:udp',
        endpoint: server.endpoint,
        path: 'local',
        client: `127.0.0.1:${port}`,
        datagramsSent: 2,
        datagramsReceived: 2,
        bytesSent: 5,
        bytesReceived: 8,
      },
    ])
    expect(lab.reports).toMatchObject({ lines: [`connected ${server.endpoint.port}`], open: 0 })
    expect(lab.activeSessions).toBe(0)
    const { metrics } = lab.deps
    const ended = { path: 'local', outcome: 'completed' }
    expect(metrics.value('edgeway_traffic_udp_sessions_total', ended)).toBe(1)
    for (const way of ['sent', 'received'])
      expect(metrics.value('edgeway_traffic_udp_datagrams_total', { direction: 'outbound', way })).toBe(2)
  })

  it('comes for a client that never gets an answer, too, so that its next datagram may find another endpoint', async () => {
    const timers = new ManualTimers()
    await using lab = await UdpLab.start({ timers })
    await using server = await UdpEndpoint.start()
    await using client = await Talker.bind()
    const listener = await lab.addService([server.endpoint])

    for (let count = 1; count <= 2; count++) {
      client.send('log line', listener)
      await server.talker.hears(count)
      await timers.pass(30_000)
    }
    await timers.pass(1_000)
    client.send('log line', listener)
    await server.talker.hears(3)

    expect(lab.records).toMatchObject([{ outcome: 'no-answer', datagramsSent: 2, datagramsReceived: 0 }])
    expect(lab.reports.lines).toEqual([])
    expect(lab.activeSessions).toBe(1)
  })

  it('without an answer to two questions of DNS speaks against the endpoint', async () => {
    const timers = new ManualTimers()
    await using lab = await UdpLab.start({ timers })
    await using server = await UdpEndpoint.start()
    await using client = await Talker.bind()
    const listener = await lab.addService([server.endpoint], { port: 53 })

    client.send('A', listener)
    client.send('A', listener)
    await server.talker.hears(2)
    await timers.pass(11_000)

    expect(lab.records).toMatchObject([{ outcome: 'no-answer' }])
    expect(lab.reports.lines).toEqual([`failed ${server.endpoint.port} timeout`])
  })

  it.each([
    ['port 53', { port: 53 }],
    ['appProtocol dns', { appProtocol: 'dns' }],
  ])('of %s ends soon after the last answer', async (_what, port) => {
    const timers = new ManualTimers()
    await using lab = await UdpLab.start({ timers })
    await using server = await UdpEndpoint.start(echo)
    await using client = await Talker.bind()
    await client.ask('A', await lab.addService([server.endpoint], port))

    await timers.pass(900)
    expect(lab.records).toEqual([])
    await timers.pass(700)

    expect(lab.records).toMatchObject([{ outcome: 'completed' }])
  })

  it('of DNS waits longer while one of its questions has no answer', async () => {
    const timers = new ManualTimers()
    await using lab = await UdpLab.start({ timers })
    await using server = await UdpEndpoint.start()
    await using client = await Talker.bind()
    const listener = await lab.addService([server.endpoint], { port: 53 })
    client.send('A', listener)
    client.send('AAAA', listener)
    await server.talker.hears(2)
    const [session = listener] = server.talker.from
    server.talker.send('A is', session)
    await client.hears(1)

    await timers.pass(9_000)
    expect(lab.records).toEqual([])
    server.talker.send('AAAA is', session)
    await client.hears(2)
    await timers.pass(1_600)

    expect(lab.records).toMatchObject([{ outcome: 'completed', datagramsReceived: 2 }])
  })

  it('of DNS that nobody answers ends after ten seconds', async () => {
    const timers = new ManualTimers()
    await using lab = await UdpLab.start({ timers })
    await using server = await UdpEndpoint.start()
    await using client = await Talker.bind()
    client.send('A', await lab.addService([server.endpoint], { port: 53 }))
    await server.talker.hears(1)

    await timers.pass(9_500)
    expect(lab.records).toEqual([])
    await timers.pass(1_000)

    expect(lab.records).toMatchObject([{ outcome: 'no-answer' }])
  })

  it('ends when the port of its endpoint is closed, and the next one tries again', async () => {
    await using lab = await UdpLab.start()
    await using client = await Talker.bind()
    const closed = await closedEndpoint()
    const listener = await lab.addService([closed])

    for (let count = 1; count <= 3; count++) {
      client.send('anybody?', listener)
      await eventuallyTrue(() => lab.records.length === count)
    }

    expect(lab.records.map(({ outcome }) => outcome)).toEqual(Array(3).fill('endpoint-refused'))
    expect(lab.reports).toMatchObject({ lines: Array(3).fill(`failed ${closed.port} refused`), open: 0 })
  })

  it('notices a closed port also when the error meets the next datagram on its way out', async () => {
    await using lab = await UdpLab.start()
    await using client = await Talker.bind()
    const listener = await lab.addService([await closedEndpoint()])

    for (let count = 0; count < 10; count++) client.send('anybody?', listener)

    await eventuallyTrue(() => lab.records.length > 0)
    expect(lab.records[0]).toMatchObject({ outcome: 'endpoint-refused' })
  })
})
