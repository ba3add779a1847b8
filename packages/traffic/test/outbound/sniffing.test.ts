import { once } from 'node:events'
import type { Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import { startTcpEndpoint } from '@edgeway/testbed'
import { describe, expect, it } from 'vitest'
import { Bulk, digestOf } from '../bulk.ts'
import { eventually, NODE } from '../traffic-lab.ts'
import { OutboundLab } from './outbound-lab.ts'

const L7 = { annotations: { 'edgeway.io/forwarding': 'l7' } }
const HTTP = { ...L7, appProtocol: 'http' }
const PREFACE = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'
/** An empty SETTINGS frame. */
const SETTINGS = Buffer.from('000000040000000000', 'hex')

const echo = (socket: Socket): void => void socket.pipe(socket)
const silent = (socket: Socket): void => void socket.resume()

describe('a connection to a ServicePort whose requests are looked at', () => {
  it('is served as HTTP/1 with all that its client has said', async () => {
    await using web = await startTcpEndpoint(silent, NODE)
    await using lab = await OutboundLab.start({ ...HTTP, endpoints: [web.endpoint] })
    const client = await lab.connect()
    client.write('GET / HTTP/1.1\r\nHost: web\r\n\r\n')

    const { caller, protocol } = await lab.serving()
    expect(protocol).toBe('http1')
    expect(caller.source).toEqual({ ip: '127.0.0.1', port: client.localPort })
    expect(String(caller.client.read())).toBe('GET / HTTP/1.1\r\nHost: web\r\n\r\n')
    caller.client.end('HTTP/1.1 204 No Content\r\n\r\n')
    expect(await text(client)).toContain('204')
  })

  it('is served with all that its client has said where it is read by its stream', async () => {
    await using web = await startTcpEndpoint(silent, NODE)
    await using lab = await OutboundLab.start({ ...HTTP, engine: 'stream', endpoints: [web.endpoint] })
    const client = await lab.connect()
    client.write('GET / HTTP/1.1\r\nHost: web\r\n\r\n')

    const { caller, wired } = await lab.serving()
    expect(wired).toBeUndefined()
    expect(String(caller.client.read())).toBe('GET / HTTP/1.1\r\nHost: web\r\n\r\n')
    caller.client.destroy()
  })

  it('is served as HTTP/2 when the preface comes byte by byte, though the server has said its own', async () => {
    await using web = await startTcpEndpoint((socket) => void socket.resume().write(SETTINGS), NODE)
    await using lab = await OutboundLab.start({ ...HTTP, endpoints: [web.endpoint] })
    const client = await lab.connect()
    await eventually(() => lab.dialer.connections[0]?.stream.readableLength || undefined)
    for (const letter of PREFACE) {
      expect(lab.served).toEqual([])
      await new Promise((resolve) => client.write(letter, resolve))
    }

    const { caller, protocol, spare } = await lab.serving()
    expect({ protocol, spare }).toEqual({ protocol: 'http2', spare: undefined })
    expect(String(caller.client.read())).toBe(PREFACE)
    await expect.poll(() => lab.dialer.open).toBe(0)
  })

  it('gets the greeting of a server that speaks first, though nobody knew that', async () => {
    await using mail = await startTcpEndpoint((socket) => {
      socket.write('220 welcome\r\n')
      socket.pipe(socket)
    }, NODE)
    await using lab = await OutboundLab.start({ ...HTTP, endpoints: [mail.endpoint] })
    const client = await lab.connect()

    const [greeting] = await once(client, 'data')
    expect(String(greeting)).toBe('220 welcome\r\n')
    client.end('GET / HTTP/1.1\r\n\r\n')
    expect(await text(client)).toBe('GET / HTTP/1.1\r\n\r\n')

    expect(lab.served).toEqual([])
    expect(await lab.flowsEnded()).toMatchObject([{ outcome: 'completed', attempts: 1, bytesReceived: 31 }])
    expect(lab.dialer.dialled).toBe(1)
  })

  it('is not looked at for ten minutes after the server has spoken first', async () => {
    let greeting = '220 welcome\r\n'
    await using mail = await startTcpEndpoint((socket) => {
      if (greeting !== '') socket.write(greeting)
      socket.resume()
    }, NODE)
    await using lab = await OutboundLab.start({ ...HTTP, endpoints: [mail.endpoint] })
    await once(await lab.connect(), 'data')
    greeting = ''

    const during = await lab.connect()
    during.write('GET / HTTP/1.1\r\n\r\n')
    await eventually(() => (lab.dialer.dialled === 2 ? true : undefined))
    lab.nowMs += 600_000
    const after = await lab.connect()
    after.write('GET / HTTP/1.1\r\n\r\n')

    expect((await lab.serving()).caller.source?.port).toBe(after.localPort)
    expect(lab.served).toHaveLength(1)
  })

  it('is looked at again once the Service has changed', async () => {
    await using mail = await startTcpEndpoint((socket) => void socket.resume().write('220 welcome\r\n'), NODE)
    await using web = await startTcpEndpoint(silent, NODE)
    await using lab = await OutboundLab.start({ ...HTTP, endpoints: [mail.endpoint] })
    await once(await lab.connect(), 'data')

    lab.set({ ...HTTP, endpoints: [web.endpoint] })
    const client = await lab.connect()
    client.write('GET / HTTP/1.1\r\n\r\n')

    await lab.serving()
  })

  it.each([
    ['another protocol', '\x00\x01\x02binary'],
    ['a line that is no request', 'EHLO mail.example\r\n'],
    ['TLS', '\x16\x03\x01\x00\x05hello'],
    ['a part of a request, and the end', 'GE'],
    ['nothing but the end', ''],
  ])('is carried as it is when it speaks %s', async (_what, words) => {
    await using web = await startTcpEndpoint(async (socket) => {
      const chunks: Buffer[] = []
      for await (const chunk of socket) chunks.push(chunk)
      socket.end(Buffer.concat([Buffer.from('got '), ...chunks]))
    }, NODE)
    await using lab = await OutboundLab.start({ ...HTTP, endpoints: [web.endpoint] })
    const client = await lab.connect()
    client.end(words, 'latin1')

    const chunks: Buffer[] = []
    for await (const chunk of client) chunks.push(chunk)
    expect(Buffer.concat(chunks).toString('latin1')).toBe(`got ${words}`)
    expect(lab.served).toEqual([])
    expect(lab.dialer.dialled).toBe(1)
    expect(await lab.flowsEnded()).toMatchObject([{ outcome: 'completed', bytesSent: words.length }])
  })

  it('carries 30 MB of unknown bytes both ways unchanged', async () => {
    await using web = await startTcpEndpoint(echo, NODE)
    await using lab = await OutboundLab.start({ ...HTTP, endpoints: [web.endpoint] })
    const client = await lab.connect()
    client.write('\x00')
    const bulk = new Bulk(30 * 1024 * 1024)
    await once(client, 'data')
    bulk.pipe(client)

    expect(await digestOf(client)).toBe(bulk.digest())
    expect(lab.dialer.dialled).toBe(1)
  })

  it('is carried as it is when its first bytes never say what they are', async () => {
    await using web = await startTcpEndpoint(echo, NODE)
    await using lab = await OutboundLab.start({ ...HTTP, endpoints: [web.endpoint] })
    const client = await lab.connect()
    client.write('GE')

    const [bytes] = await once(client, 'data')
    expect(String(bytes)).toBe('GE')
  })
})
