import { isIP } from 'node:net'
import { describe, expect, it } from 'vitest'
import { ManualTimers } from '../manual-timers.ts'
import { eventually, eventuallyTrue } from './eventually.ts'
import { echo, Talker, UdpEndpoint } from './udp-endpoint.ts'
import { UdpLab, udpService } from './udp-lab.ts'

/** Counters reach the metrics so long after the datagram. */
const COUNTED_MS = 1_000

describe('a UDP session', () => {
  it.each(['127.0.0.1', '::1'])('brings datagrams to an endpoint and its answers back by %s', async (ip) => {
    await using lab = await UdpLab.start()
    await using server = await UdpEndpoint.start((question) => `answer to ${question}`, ip)
    await using client = await Talker.bind(ip)
    const clusterIps = [isIP(ip) === 4 ? '10.96.0.9' : 'fd00:96::9']
    lab.services.set(udpService({ clusterIps }), [server.endpoint])
    const listener = await lab.listener(udpService(), isIP(ip) === 4 ? 'IPv4' : 'IPv6')

    expect(String(await client.ask('one', listener))).toBe('answer to one')
    expect(String(await client.ask('two', listener))).toBe('answer to two')
    expect(client.from).toEqual([listener, listener])
    expect(lab.calls).toEqual([{ servicePort: 'shop/meter:udp', scope: 'internal', clientIp: ip }])
    expect(lab.activeSessions).toBe(1)
  })

  it('keeps clients apart, by address and by port', async () => {
    await using lab = await UdpLab.start()
    await using server = await UdpEndpoint.start(echo)
    const listener = await lab.addService([server.endpoint])
    const ips = ['127.0.0.1', '127.0.0.1', '127.0.0.2', '127.0.0.3']
    const clients = await Promise.all(ips.map((ip) => Talker.bind(ip)))

    for (let turn = 0; turn < 20; turn++)
      for (const [index, client] of clients.entries()) client.send(`${index}`, listener)
    const heard = await Promise.all(clients.map((client) => client.hears(20)))

    expect(heard).toEqual(clients.map((_, index) => Array(20).fill(`${index}`)))
    expect(new Set(server.talker.from.map(({ port }) => port)).size).toBe(4)
    for (const client of clients) await client[Symbol.asyncDispose]()
  })

  it.each([0, 1, 1_500, 65_506, 65_507])('carries datagrams of %i bytes both ways', async (size) => {
    await using lab = await UdpLab.start()
    await using server = await UdpEndpoint.start(echo)
    await using client = await Talker.bind()
    const listener = await lab.addService([server.endpoint])
    const datagram = Buffer.alloc(size, 'x')

    expect(await client.ask(datagram, listener)).toEqual(datagram)
  })

  it('brings several answers to one question, also much later ones', async () => {
    const timers = new ManualTimers()
    await using lab = await UdpLab.start({ timers })
    await using server = await UdpEndpoint.start()
    await using client = await Talker.bind()
    const listener = await lab.addService([server.endpoint])
    client.send('question', listener)
    await server.talker.hears(1)
    const [session = listener] = server.talker.from

    for (const text of ['at once', 'after 50 s', 'after 100 s']) {
      server.talker.send(text, session)
      await eventuallyTrue(() => client.heard.some((answer) => String(answer) === text))
      await timers.pass(50_000)
    }

    expect(lab.records).toEqual([])
  })

  it('takes answers from its endpoint only', async () => {
    await using lab = await UdpLab.start()
    await using server = await UdpEndpoint.start()
    await using stranger = await Talker.bind()
    await using client = await Talker.bind()
    const listener = await lab.addService([server.endpoint])
    client.send('question', listener)
    await server.talker.hears(1)
    const [session = listener] = server.talker.from

    stranger.send('forged', session)
    server.talker.send('true', session)

    expect(await client.hears(1)).toEqual(['true'])
  })

  it('begins anew at another endpoint when its own has gone, also for a client that never pauses', async () => {
    await using lab = await UdpLab.start()
    await using one = await UdpEndpoint.start(() => 'one')
    await using two = await UdpEndpoint.start(() => 'two')
    await using client = await Talker.bind()
    const listener = await lab.addService([one.endpoint, two.endpoint])
    expect(String(await client.ask('who?', listener))).toBe('one')

    lab.services.set(udpService(), [{ ...one.endpoint, ready: false, terminating: true }, two.endpoint])
    expect(String(await client.ask('who?', listener))).toBe('one')
    lab.services.set(udpService(), [two.endpoint])

    expect(String(await client.ask('who?', listener))).toBe('two')
    expect(lab.records).toMatchObject([{ outcome: 'cut', endpoint: one.endpoint }])
  })

  it('is none where there is no endpoint', async () => {
    const timers = new ManualTimers()
    await using lab = await UdpLab.start({ timers })
    await using client = await Talker.bind()

    client.send('anybody?', await lab.addService([]))

    await eventuallyTrue(() => lab.records.length > 0)
    expect(lab.records).toMatchObject([{ outcome: 'no-endpoint', endpoint: undefined, path: undefined }])
    await timers.pass(COUNTED_MS)
    expect(lab.dropped('no-endpoint')).toBe(1)
  })

  it('ends with the forwarder, and leaves no descriptor behind', async () => {
    const lab = await UdpLab.start()
    await using server = await UdpEndpoint.start(echo)
    await using client = await Talker.bind()
    const listener = await lab.addService([server.endpoint])
    await client.ask('question', listener)

    await lab[Symbol.asyncDispose]()

    expect(lab.records).toMatchObject([{ outcome: 'cut' }])
    expect(lab.reports.open).toBe(0)
    await eventually(() => lab.activeSessions === 0 || undefined)
    await using again = await Talker.bind()
    expect(again.address.port).not.toBe(listener.port)
  })
})
