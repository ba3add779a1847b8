import { once } from 'node:events'
import type { Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import { endpointsOf, FakeDialer, startTcpEndpoint } from '@edgeway/testbed'
import { describe, expect, it } from 'vitest'
import { MAX_EARLY_DIALS } from '../../src/outbound/early-turns.ts'
import { eventually, failure, NODE, openDescriptors } from '../traffic-lab.ts'
import { OutboundLab } from './outbound-lab.ts'

const L7 = { annotations: { 'edgeway.io/forwarding': 'l7' } }
const HTTP = { ...L7, appProtocol: 'http' }

const echo = (socket: Socket): void => void socket.pipe(socket)
const silent = (socket: Socket): void => void socket.resume()

/** HTTP was seen from then on. */
async function serveOne(lab: OutboundLab): Promise<void> {
  const client = await lab.connect()
  client.write('GET / HTTP/1.1\r\n\r\n')
  await lab.serving()
}

describe('dialling for a client that has said nothing yet', () => {
  it('keeps the connection made early for HTTP/1', async () => {
    await using web = await startTcpEndpoint(echo, NODE)
    await using lab = await OutboundLab.start({ ...HTTP, endpoints: [web.endpoint] })
    const client = await lab.connect()
    await eventually(() => lab.dialer.connections[0])
    client.write('GET / HTTP/1.1\r\n\r\n')

    const { spare } = await lab.serving()
    expect(spare?.endpoint).toEqual(web.endpoint)
    spare?.connection.stream.write('anything')
    const [answer] = await once(spare?.connection.stream ?? client, 'data')
    expect(String(answer)).toBe('anything')
    spare?.connection.reset()
  })

  it('dials nothing for a silent client once HTTP was seen on a port that declares it', async () => {
    await using web = await startTcpEndpoint(silent, NODE)
    await using lab = await OutboundLab.start({ ...HTTP, endpoints: [web.endpoint] })
    await serveOne(lab)
    const { dialled } = lab.dialer

    const second = await lab.connect()
    const third = await lab.connect()
    third.write('GET / HTTP/1.1\r\n\r\n')
    await lab.serving(2)

    expect(lab.dialer.dialled).toBe(dialled)
    second.destroy()
  })

  it('dials nothing for a silent client of a port that declares nothing once an endpoint has answered HTTP', async () => {
    await using web = await startTcpEndpoint(silent, NODE)
    await using lab = await OutboundLab.start({ ...L7, endpoints: [web.endpoint] })
    await serveOne(lab)
    const { dialled } = lab.dialer
    lab.hasAnswered = true
    const second = await lab.connect()
    lab.hasAnswered = false

    // Its silence is over later than that of the second.
    const third = await lab.connect()
    await expect.poll(() => lab.dialer.dialled, { timeout: 5_000 }).toBeGreaterThan(dialled)

    expect(lab.dialer.dialled).toBe(dialled + 1)
    for (const client of [second, third]) client.destroy()
  })

  it('dials for a client that stays silent where HTTP was seen but is not declared', async () => {
    let greeting = ''
    await using web = await startTcpEndpoint((socket) => {
      if (greeting !== '') socket.write(greeting)
      socket.resume()
    }, NODE)
    await using lab = await OutboundLab.start({ ...L7, endpoints: [web.endpoint] })
    await serveOne(lab)
    greeting = 'welcome'

    const [words] = await once(await lab.connect(), 'data')

    expect(String(words)).toBe('welcome')
  })

  it('dials for a few silent clients at a time, and for the next when one of them leaves', async () => {
    await using web = await startTcpEndpoint(silent, NODE)
    await using lab = await OutboundLab.start({ ...HTTP, endpoints: [web.endpoint] })
    const [first, ...others] = await lab.connectMany(MAX_EARLY_DIALS)
    await eventually(() => lab.dialer.connections[MAX_EARLY_DIALS - 1])
    const waiting = await lab.connectMany(100)
    // Nobody has to ask what its server says: it is carried at once, and the others have been accepted before it.
    waiting.at(-1)?.write('EHLO example.org\r\n')
    await expect.poll(() => lab.dialer.dialled).toBeGreaterThan(MAX_EARLY_DIALS)
    expect(lab.dialer.dialled).toBe(MAX_EARLY_DIALS + 1)

    first?.resetAndDestroy()

    await expect.poll(() => lab.dialer.dialled).toBe(MAX_EARLY_DIALS + 2)
    for (const client of [...others, ...waiting]) client.destroy()
  })

  it('keeps no client from a server that says nothing for long, where nobody says that HTTP is spoken', async () => {
    await using push = await startTcpEndpoint(silent, NODE)
    await using lab = await OutboundLab.start({ ...L7, endpoints: [push.endpoint] })
    const clients = await lab.connectMany(MAX_EARLY_DIALS + 1)

    await expect.poll(() => lab.dialer.dialled, { timeout: 5_000 }).toBe(clients.length)
    expect(lab.dialer.open).toBe(clients.length)
    for (const client of clients) client.destroy()
  })

  it('keeps no client waiting for as long as the dials of others last', async () => {
    const endpoints = endpointsOf('edge-2/10.1.0.1:80')
    const dialer = new FakeDialer()
    for (const endpoint of endpoints) dialer.set(endpoint, 'silent')
    await using lab = await OutboundLab.start({ ...L7, endpoints, dialer })
    const clients = await lab.connectMany(MAX_EARLY_DIALS + 1)

    await expect.poll(() => lab.dialer.dialled, { timeout: 3_000 }).toBe(clients.length)
    for (const client of clients) client.destroy()
  })

  it('keeps none of many clients waiting once a server has spoken first', async () => {
    const accepted: Socket[] = []
    await using mail = await startTcpEndpoint((socket) => void accepted.push(socket.resume()), NODE)
    await using lab = await OutboundLab.start({ ...HTTP, endpoints: [mail.endpoint] })
    const clients = await lab.connectMany(100)
    const greetings = clients.map((client) => once(client, 'data'))
    await expect.poll(() => accepted.length).toBe(MAX_EARLY_DIALS)

    accepted[0]?.write('220 welcome\r\n')

    await expect.poll(() => accepted.length).toBe(clients.length)
    for (const socket of accepted.slice(1)) socket.write('220 welcome\r\n')
    expect((await Promise.all(greetings)).map(String)).toEqual(clients.map(() => '220 welcome\r\n'))
    for (const client of clients) client.destroy()
  })

  it('serves a client that speaks HTTP while it waits for its turn, and dials for nobody after that', async () => {
    await using web = await startTcpEndpoint(silent, NODE)
    await using lab = await OutboundLab.start({ ...HTTP, endpoints: [web.endpoint] })
    const [first, ...others] = await lab.connectMany(MAX_EARLY_DIALS + 2)
    await eventually(() => lab.dialer.connections[MAX_EARLY_DIALS - 1])
    others.at(-1)?.write('GET / HTTP/1.1\r\n\r\n')
    expect((await lab.serving()).spare).toBeUndefined()

    first?.resetAndDestroy()
    await expect.poll(() => lab.dialer.open).toBe(MAX_EARLY_DIALS - 1)

    expect(lab.dialer.dialled).toBe(MAX_EARLY_DIALS)
    for (const client of others) client.destroy()
  })

  it('passes on the end that a server makes of a silent connection', async () => {
    await using web = await startTcpEndpoint((socket) => void socket.resume().end(), NODE)
    await using lab = await OutboundLab.start({ ...HTTP, endpoints: [web.endpoint] })
    const client = await lab.connect()

    expect(await text(client)).toBe('')
    client.end()

    expect(await lab.flowsEnded()).toMatchObject([{ outcome: 'completed' }])
  })

  it('does not take a server for one that speaks first whose patience with a silent client is over', async () => {
    const timeout = 'HTTP/1.1 408 Request Timeout\r\nConnection: close\r\n\r\n'
    await using web = await startTcpEndpoint((socket) => void socket.resume().end(timeout), NODE)
    await using lab = await OutboundLab.start({ ...HTTP, endpoints: [web.endpoint] })
    const silentOne = await lab.connect()
    expect(await text(silentOne)).toBe(timeout)
    silentOne.end()

    const client = await lab.connect()
    client.write('GET / HTTP/1.1\r\n\r\n')

    await lab.serving()
  })

  it('does not keep a client from HTTP when no endpoint can be connected to: the answer is HTTP’s to give', async () => {
    const endpoints = endpointsOf('edge-2/10.1.0.1:80')
    await using lab = await OutboundLab.start({ ...HTTP, endpoints, dialer: new FakeDialer() })
    const client = await lab.connect()
    await eventually(() => (lab.dialer.dialled > 0 ? true : undefined))
    client.write('GET / HTTP/1.1\r\n\r\n')

    expect((await lab.serving()).spare).toBeUndefined()
  })

  it('resets a client that stays silent when no endpoint answers, and nobody says that it will speak HTTP', async () => {
    const endpoints = endpointsOf('edge-2/10.1.0.1:80')
    await using lab = await OutboundLab.start({ ...L7, endpoints, dialer: new FakeDialer() })

    expect(await failure(await lab.connect())).toMatchObject({ code: 'ECONNRESET' })
    expect(await lab.flowsEnded()).toMatchObject([{ outcome: 'dial-failed', attempts: 1 }])
  })

  it('does not reset a client that stays silent when no endpoint answers now, where HTTP was seen', async () => {
    const endpoints = endpointsOf('edge-2/10.1.0.1:80')
    await using lab = await OutboundLab.start({ ...L7, endpoints, dialer: new FakeDialer() })
    await serveOne(lab)
    const { dialled } = lab.dialer
    const client = await lab.connect()
    await eventually(() => (lab.dialer.dialled === dialled + 1 ? true : undefined))
    // Silent for as long: when it is dialled for, too, the time of the one before is over.
    const later = await lab.connect()
    await eventually(() => (lab.dialer.dialled === dialled + 2 ? true : undefined))

    client.write('GET / HTTP/1.1\r\n\r\n')

    expect((await lab.serving(2)).spare).toBeUndefined()
    expect(lab.flowsSoFar).toBe(0)
    later.destroy()
  })

  it('lets go of the connection made early when the client leaves', async () => {
    await using web = await startTcpEndpoint(silent, NODE)
    await using lab = await OutboundLab.start({ ...HTTP, endpoints: [web.endpoint] })
    const client = await lab.connect()
    await eventually(() => lab.dialer.connections[0])

    client.resetAndDestroy()

    expect(await lab.flowsEnded()).toMatchObject([{ outcome: 'client-gone', service: 'shop/web:main' }])
    await expect.poll(() => lab.dialer.open).toBe(0)
  })

  it('is let go at the stop, with the connection that was made', async () => {
    const before = openDescriptors()
    {
      await using web = await startTcpEndpoint(silent, NODE)
      await using lab = await OutboundLab.start({ ...HTTP, endpoints: [web.endpoint] })
      const client = await lab.connect()
      await eventually(() => lab.dialer.connections[0])
      const received = text(client)

      await lab.open.drain(0)

      expect(await received).toBe('')
      client.end()
      expect(await lab.flowsEnded()).toMatchObject([{ outcome: 'completed' }])
      expect(lab.dialer.open).toBe(0)
    }
    await expect.poll(openDescriptors).toBeLessThanOrEqual(before)
  })

  it('is let go at the stop while its endpoint does not answer', async () => {
    const endpoints = endpointsOf('edge-2/10.1.0.1:80')
    const dialer = new FakeDialer()
    for (const endpoint of endpoints) dialer.set(endpoint, 'silent')
    await using lab = await OutboundLab.start({ ...HTTP, endpoints, dialer })
    const client = await lab.connect()
    const received = text(client)
    await eventually(() => (lab.dialer.dialled > 0 ? true : undefined))

    await lab.open.drain(0)

    expect(await received).toBe('')
    client.end()
  })

  it('resets a client that is silent for longer than connections may be', async () => {
    await using web = await startTcpEndpoint(silent, NODE)
    await using lab = await OutboundLab.start({ ...HTTP, endpoints: [web.endpoint], idleTimeoutMs: 20 })

    expect(await failure(await lab.connect())).toMatchObject({ code: 'ECONNRESET' })
    expect(await lab.flowsEnded()).toMatchObject([{ outcome: 'idle-timeout' }])
  })
})
