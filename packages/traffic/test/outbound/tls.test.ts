import { spawn } from 'node:child_process'
import { connect, type Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import { connect as connectTls, createServer as createTlsServer } from 'node:tls'
import { makeCertificate, startTcpEndpoint } from '@edgeway/testbed'
import { describe, expect, it } from 'vitest'
import { NODE } from '../traffic-lab.ts'
import { OutboundLab } from './outbound-lab.ts'

const TLS = { appProtocol: 'https' }
const BY_NAME = { ...TLS, annotations: { 'edgeway.io/balancing': 'server-name-hash' } }
const NAMES = ['one.example', 'two.example', 'three.example', 'four.example', 'five.example', 'six.example']

const made = makeCertificate(NAMES)

/** An endpoint that terminates TLS, tells its own name, the server name that it was asked for and the protocol of ALPN, and ends. */
async function secureEndpoint(name: string) {
  const { certificate: cert, key } = await made
  const server = createTlsServer({ cert, key, ALPNProtocols: ['h2', 'http/1.1'] }, (socket) => {
    socket.on('error', () => {})
    socket.end(`${name} ${socket.servername} ${socket.alpnProtocol}`)
  })
  return startTcpEndpoint((socket) => void server.emit('connection', socket), NODE)
}

async function ask(socket: Socket, servername: string): Promise<string> {
  const { certificate: ca } = await made
  const client = connectTls({ socket, servername, ca, ALPNProtocols: ['h2'] })
  const answer = await text(client)
  // A half-open socket below it would stay.
  socket.end()
  return answer
}

/** Loads are bounded: the connection is over before the next one. */
async function askAndLeave(
  lab: OutboundLab,
  { client, name }: { readonly client: number; readonly name: string },
): Promise<string> {
  const ended = lab.flowsSoFar
  const answer = await ask(await lab.connect(`127.0.1.${client}`), name)
  await lab.flowsEnded(ended + 1)
  return answer
}

describe('a connection to a ServicePort that is said to speak TLS', () => {
  it('goes to the endpoint as it is: its server name and ALPN are the endpoint’s to see', async () => {
    await using web = await secureEndpoint('web')
    await using lab = await OutboundLab.start({ ...TLS, endpoints: [web.endpoint] })

    expect(await ask(await lab.connect(), 'one.example')).toBe('web one.example h2')

    expect(await lab.flowsEnded()).toMatchObject([{ outcome: 'completed', serverName: 'one.example' }])
    const labels = { service: 'shop/web:main', outcome: 'named' }
    expect(lab.deps.metrics.value('edgeway_traffic_tls_hellos_total', labels)).toBe(1)
  })

  it('is carried for OpenSSL, too', async () => {
    await using web = await secureEndpoint('web')
    await using lab = await OutboundLab.start({ ...TLS, endpoints: [web.endpoint] })
    const options = ['-servername', 'Two.Example', '-alpn', 'http/1.1', '-quiet', '-verify_quiet']
    const openssl = spawn('openssl', ['s_client', '-connect', lab.address, ...options])

    expect(await text(openssl.stdout)).toBe('web Two.Example http/1.1')
    expect(await lab.flowsEnded()).toMatchObject([{ serverName: 'two.example' }])
  })

  it('keeps a server name with its endpoint, whoever calls', async () => {
    await using one = await secureEndpoint('one')
    await using two = await secureEndpoint('two')
    await using three = await secureEndpoint('three')
    const endpoints = [one.endpoint, two.endpoint, three.endpoint]
    await using lab = await OutboundLab.start({ ...BY_NAME, endpoints })

    const used = new Set<string>()
    for (const name of NAMES) {
      const answers = new Set<string>()
      for (let client = 1; client <= 8; client++) answers.add(await askAndLeave(lab, { client, name }))
      expect([...answers], name).toHaveLength(1)
      for (const answer of answers) used.add(answer.split(' ')[0] ?? '')
    }
    expect(used.size).toBeGreaterThan(1)
  })

  it('keeps a client with its endpoint where it names no server', async () => {
    const name = (answer: string) => startTcpEndpoint((socket) => void socket.resume().end(answer), NODE)
    await using one = await name('one')
    await using two = await name('two')
    await using lab = await OutboundLab.start({ ...BY_NAME, endpoints: [one.endpoint, two.endpoint] })

    const byClient = new Map<string, Set<string>>()
    for (let client = 1; client <= 20; client++) {
      const from = `127.0.1.${client}`
      const answers = new Set<string>()
      for (let call = 0; call < 3; call++) answers.add(await text((await lab.connect(from)).end('no TLS')))
      byClient.set(from, answers)
    }

    expect([...byClient.values()].every(({ size }) => size === 1)).toBe(true)
    expect(new Set([...byClient.values()].flatMap((answers) => [...answers])).size).toBe(2)
    const labels = { service: 'shop/web:main', outcome: 'not-tls' }
    expect(lab.deps.metrics.value('edgeway_traffic_tls_hellos_total', labels)).toBe(60)
  })

  it('costs no endpoint anything while its client says nothing', async () => {
    await using web = await secureEndpoint('web')
    await using lab = await OutboundLab.start({ ...TLS, endpoints: [web.endpoint] })
    const silent = await lab.connect()

    await ask(await lab.connect(), 'one.example')
    expect(lab.dialer.dialled).toBe(1)

    silent.resetAndDestroy()
    await lab.flowsEnded(2)
    expect(lab.dialer.dialled).toBe(1)
    expect(await lab.flowsEnded(2)).toMatchObject([{ outcome: 'completed' }, { outcome: 'client-gone' }])
  })

  it('waits for a ClientHello that comes byte by byte', async () => {
    await using web = await secureEndpoint('web')
    await using lab = await OutboundLab.start({ ...TLS, endpoints: [web.endpoint] })
    await using relay = await startTcpEndpoint(async (socket) => {
      const onward = await lab.connect()
      onward.pipe(socket)
      for await (const chunk of socket)
        for (const byte of chunk) await new Promise((resolve) => onward.write(Buffer.from([byte]), resolve))
      onward.end()
    })

    const answer = await ask(connect(relay.endpoint.port, relay.endpoint.ip), 'three.example')

    expect(answer).toBe('web three.example h2')
    expect(await lab.flowsEnded()).toMatchObject([{ serverName: 'three.example' }])
  })

  it('is carried when it ends before its ClientHello is whole', async () => {
    await using web = await startTcpEndpoint(async (socket) => {
      const chunks: Buffer[] = []
      for await (const chunk of socket) chunks.push(chunk)
      socket.end(`got ${Buffer.concat(chunks).toString('hex')}`)
    }, NODE)
    await using lab = await OutboundLab.start({ ...TLS, endpoints: [web.endpoint] })
    const client = await lab.connect()

    expect(await text(client.end(Buffer.from('16030100', 'hex')))).toBe('got 16030100')
  })

  it('is let go at the stop while its client says nothing', async () => {
    await using lab = await OutboundLab.start(TLS)
    const client = await lab.connect()
    const received = text(client.end())

    await lab.open.drain(0)

    expect(await received).toBe('')
    expect(await lab.flowsEnded()).toMatchObject([{ direction: 'outbound' }])
    expect(lab.dialer.dialled).toBe(0)
  })
})
