import type { NodeName } from '@edgeway/core'
import { describe, expect, it } from 'vitest'
import { DnsServer } from '../src/dns-server.ts'
import type { DnsListenError } from '../src/errors.ts'
import { encodeFrame } from '../src/listen/tcp/tcp-frames.ts'
import { DEFAULT_DNS_OPTIONS } from '../src/options.ts'
import { RCODE } from '../src/wire/codes.ts'
import { askOneUdp, askUdp, TcpClient } from './support/client.ts'
import { type Behaviour, FakeUpstream } from './support/fake-upstream.ts'
import { answersIn, decode, queryOf, rcodeIn, replyTo } from './support/query.ts'
import { startServer } from './support/server.ts'

const web = queryOf('web.shop.svc.cluster.local')

/** An upstream that answers once `gate` resolves. */
function afterwards(gate: Promise<void>): Behaviour {
  return async ({ message }) => {
    await gate
    return [replyTo(message, ['192.0.2.1'])]
  }
}

describe('over UDP', () => {
  it('answers, and counts by zone, code, type and transport', async () => {
    await using dns = await startServer()

    expect(answersIn(await askOneUdp(dns.address, web))).toEqual(['10.96.0.1'])
    const labels = { zone: 'cluster', rcode: 'NOERROR', type: 'A', transport: 'udp' }
    expect(dns.deps.metrics.value('edgeway_dns_queries_total', labels)).toBe(1)
  })

  it('goes on after garbage: each datagram is answered, refused or dropped', async () => {
    await using dns = await startServer()
    const garbage = [
      Buffer.alloc(0),
      Buffer.alloc(5),
      Buffer.from(web).fill(0x80, 2, 3),
      Buffer.concat([web.subarray(0, 12), Buffer.alloc(60_000, 0xc0)]),
      Buffer.alloc(12),
    ]
    // Two of the garbage have an id and no answer's flag, so they are refused; the query comes last by its id.
    const answers = await askUdp(
      dns.address,
      [...garbage, queryOf('web.shop.svc.cluster.local', 'A', { id: 65_535 })],
      3,
    )

    expect(answers.map(rcodeIn)).toEqual([RCODE.FORMERR, RCODE.FORMERR, RCODE.NOERROR])
    const { metrics } = dns.deps
    expect(
      metrics.value('edgeway_dns_dropped_messages_total', { reason: 'too-short', transport: 'udp' }),
    ).toBe(2)
    expect(
      metrics.value('edgeway_dns_dropped_messages_total', { reason: 'not-a-query', transport: 'udp' }),
    ).toBe(1)
  })
})

describe('over TCP', () => {
  it('answers queries that come together, and those that come in pieces', async () => {
    await using dns = await startServer()
    await using client = await TcpClient.connect(dns.address)
    const ids = Array.from({ length: 100 }, (_, id) => id)
    client.send(...ids.map((id) => queryOf('web.shop.svc.cluster.local', 'A', { id })))
    const answers = await client.received(100)
    expect(answers.map((answer) => decode(answer).id).sort((a, b) => (a ?? 0) - (b ?? 0))).toEqual(ids)

    for (const byte of encodeFrame(web)) client.socket.write(Buffer.from([byte]))
    expect(answersIn((await client.received(101))[100] ?? Buffer.alloc(0))).toEqual(['10.96.0.1'])
  })

  it('does not let a slow answer hold up a quick one', async () => {
    await using upstream = await FakeUpstream.start(() => [])
    await using dns = await startServer({ upstreams: [upstream], drainTimeoutMs: 10 })
    await using client = await TcpClient.connect(dns.address)
    client.send(queryOf('example.com', 'A', { id: 1 }), queryOf('web.shop.svc.cluster.local', 'A', { id: 2 }))

    expect((await client.received(1)).map((answer) => decode(answer).id)).toEqual([2])
  })

  it('works on no more queries of a connection than it may, and on the others later', async () => {
    const gate = Promise.withResolvers<void>()
    await using upstream = await FakeUpstream.start(afterwards(gate.promise))
    await using dns = await startServer({ upstreams: [upstream], maxTcpPipelinedQueries: 2 })
    await using client = await TcpClient.connect(dns.address)
    client.send(...[1, 2, 3].map((id) => queryOf(`${id}.example.com`, 'A', { id })), web)
    await upstream.asked(2)
    expect(client.answers).toEqual([])

    gate.resolve()
    await client.received(4)
    expect(upstream.received).toHaveLength(3)
  })

  it('answers what was asked before the client ended its side', async () => {
    await using upstream = await FakeUpstream.start(({ message }) => [replyTo(message, ['192.0.2.1'])])
    await using dns = await startServer({ upstreams: [upstream] })
    await using client = await TcpClient.connect(dns.address)
    client.socket.end(encodeFrame(queryOf('example.com')))

    await client.closed
    expect(client.answers.map(answersIn)).toEqual([['192.0.2.1']])
  })

  it.each([
    ['too long a message', Buffer.from([0xff, 0xff])],
    ['an empty message', Buffer.from([0, 0])],
    ['an answer', encodeFrame(replyTo(web, []))],
  ])('closes the connection at %s', async (_what, bytes) => {
    await using dns = await startServer()
    await using client = await TcpClient.connect(dns.address)
    client.socket.write(bytes)

    await client.closed
    expect(client.answers).toEqual([])
  })

  it('closes a connection that sends bytes but no query', async () => {
    await using dns = await startServer({ tcpIdleTimeoutMs: 100 })
    await using client = await TcpClient.connect(dns.address)
    const dripping = setInterval(() => client.socket.write(Buffer.from([0])), 10)
    // Two bytes 0 would be an empty message, so the first says that 256 bytes follow.
    client.socket.write(Buffer.from([1]))

    await client.closed
    clearInterval(dripping)
    expect(client.answers).toEqual([])
  })

  it('closes connections above their number at once', async () => {
    await using dns = await startServer({ maxTcpConnections: 1 })
    await using first = await TcpClient.connect(dns.address)
    first.send(web)
    await first.received(1)
    await using second = await TcpClient.connect(dns.address)

    await second.closed
    expect(dns.deps.metrics.value('edgeway_dns_refused_connections_total')).toBe(1)
    first.send(web)
    await first.received(2)
  })
})

describe('DnsServer', () => {
  it('is ready while it serves, and not ready after', async () => {
    const dns = await startServer()
    expect(dns.deps.readiness.shut).toEqual([])
    await dns.server[Symbol.asyncDispose]()
    await dns.server[Symbol.asyncDispose]()
    expect(dns.deps.readiness.shut).toEqual(['dns'])
    expect(dns.deps.fatal).toEqual([])
  })

  it('answers what is in work before it stops, and closes idle connections', async () => {
    const gate = Promise.withResolvers<void>()
    await using upstream = await FakeUpstream.start(afterwards(gate.promise))
    const dns = await startServer({
      upstreams: [upstream],
      maxTcpPipelinedQueries: 1,
      drainTimeoutMs: 60_000,
    })
    await using idle = await TcpClient.connect(dns.address)
    await using busy = await TcpClient.connect(dns.address)
    const overUdp = askOneUdp(dns.address, queryOf('example.com'))
    busy.send(queryOf('example.com'))
    await upstream.asked(2)
    busy.send(web)

    const stopped = dns.server[Symbol.asyncDispose]()
    gate.resolve()
    await stopped
    expect(answersIn(await overUdp)).toEqual(['192.0.2.1'])
    expect(busy.answers.map(answersIn)).toEqual([['192.0.2.1']])
    await idle.closed
  })

  it('stops in time when an upstream keeps it waiting', async () => {
    await using upstream = await FakeUpstream.start(() => [])
    const dns = await startServer({
      upstreams: [upstream],
      upstreamTimeoutMs: 600_000,
      forwardTimeoutMs: 600_000,
      drainTimeoutMs: 10,
    })
    const waiting = askOneUdp(dns.address, queryOf('example.com'))
    await upstream.asked(1)

    await dns.server[Symbol.asyncDispose]()
    expect(rcodeIn(await waiting)).toBe(RCODE.SERVFAIL)
  })

  it('says which address it can not have', async () => {
    await using dns = await startServer()
    const { ip, port } = dns.address

    await expect(
      DnsServer.start(
        { ...DEFAULT_DNS_OPTIONS, listenPort: port },
        {
          ...dns.deps,
          services: dns.services,
          nodeAddress: ip,
          nodeAddress6: undefined,
          nodeName: 'edge-1' as NodeName,
        },
      ),
    ).rejects.toMatchObject({
      code: 'ERR_DNS_LISTEN',
      cause: { code: 'EADDRINUSE' },
    } satisfies Partial<DnsListenError>)
  })
})
