import { once } from 'node:events'
import type { Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import { endpointsOf, FakeDialer, startTcpEndpoint } from '@edgeway/testbed'
import { describe, expect, it } from 'vitest'
import { eventually, failure, NODE, openDescriptors } from '../traffic-lab.ts'
import { OutboundLab } from './outbound-lab.ts'

const L7 = { annotations: { 'edgeway.io/forwarding': 'l7' } }
const HTTP = { ...L7, appProtocol: 'http' }

const echo = (socket: Socket): void => void socket.pipe(socket)
const silent = (socket: Socket): void => void socket.resume()

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
    const first = await lab.connect()
    first.write('GET / HTTP/1.1\r\n\r\n')
    await lab.serving()
    const { dialled } = lab.dialer

    const second = await lab.connect()
    const third = await lab.connect()
    third.write('GET / HTTP/1.1\r\n\r\n')
    await lab.serving(2)

    expect(lab.dialer.dialled).toBe(dialled)
    second.destroy()
  })

  it('dials for a client that stays silent where HTTP was seen but is not declared', async () => {
    let greeting = ''
    await using web = await startTcpEndpoint((socket) => {
      if (greeting !== '') socket.write(greeting)
      socket.resume()
    }, NODE)
    await using lab = await OutboundLab.start({ ...L7, endpoints: [web.endpoint] })
    const first = await lab.connect()
    first.write('GET / HTTP/1.1\r\n\r\n')
    await lab.serving()
    greeting = 'welcome'

    const [words] = await once(await lab.connect(), 'data')

    expect(String(words)).toBe('welcome')
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
    const first = await lab.connect()
    first.write('GET / HTTP/1.1\r\n\r\n')
    await lab.serving()
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
