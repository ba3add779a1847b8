import { TRUNCATED_RESPONSE } from 'dns-packet'
import { describe, expect, it } from 'vitest'
import { RCODE } from '../src/wire/codes.ts'
import { askOneTcp, askOneUdp, askUdp } from './support/client.ts'
import { type Behaviour, FakeUpstream, type ReceivedQuery, type Reply } from './support/fake-upstream.ts'
import { answersIn, decode, queryOf, rcodeIn, replyTo } from './support/query.ts'
import { startServer } from './support/server.ts'

const answering =
  (...ips: readonly string[]): Behaviour =>
  ({ message }) => [replyTo(message, ips)]

const silent: Behaviour = () => []

const refusing =
  (rcode: number): Behaviour =>
  ({ message }) => [replyTo(message, [], { flags: rcode })]

const query = queryOf('eXample.com')

/** Of attempts that are to fail by the time. */
const SOON = { upstreamTimeoutMs: 50, forwardTimeoutMs: 5_000 }

describe('forwarding', () => {
  it("answers other names than the cluster's with the upstream's answer", async () => {
    await using upstream = await FakeUpstream.start(answering('192.0.2.1'))
    await using dns = await startServer({ upstreams: [upstream] })

    const answer = await askOneUdp(dns.address, query)
    expect(decode(answer)).toMatchObject({ id: 0x1234, questions: [{ name: 'eXample.com' }] })
    expect(answersIn(answer)).toEqual(['192.0.2.1'])
    expect(
      dns.deps.metrics.value('edgeway_dns_queries_total', {
        zone: 'forward',
        rcode: 'NOERROR',
        type: 'A',
        transport: 'udp',
      }),
    ).toBe(1)
  })

  it("asks nobody for the cluster's names, absent ones included", async () => {
    await using upstream = await FakeUpstream.start(answering('192.0.2.1'))
    await using dns = await startServer({ upstreams: [upstream] })

    await askOneUdp(dns.address, queryOf('web.shop.svc.cluster.local'))
    const absent = await askOneUdp(dns.address, queryOf('nope.shop.svc.cluster.local'))
    expect(rcodeIn(absent)).toBe(RCODE.NXDOMAIN)
    expect(upstream.received).toEqual([])
  })

  it('asks under other ids and from other ports than the client, each time new ones', async () => {
    await using upstream = await FakeUpstream.start(answering('192.0.2.1'))
    await using dns = await startServer({ upstreams: [upstream] })
    await askUdp(
      dns.address,
      Array.from({ length: 40 }, (_, id) => queryOf(`${id}.example.com`, 'A', { id })),
    )

    const ids = upstream.received.map(({ message }) => message.readUInt16BE(0))
    // Of 40 random ids some may be equal, but hardly many; the same holds for ports.
    expect(new Set(ids).size).toBeGreaterThan(35)
    expect(ids.filter((id) => id < 40).length).toBeLessThan(5)
    expect(new Set(upstream.received.map(({ port }) => port)).size).toBeGreaterThan(30)
  })

  it('relays a negative answer as it is', async () => {
    await using upstream = await FakeUpstream.start(refusing(RCODE.NXDOMAIN))
    await using other = await FakeUpstream.start(answering('192.0.2.2'))
    await using dns = await startServer({ upstreams: [upstream, other] })

    expect(rcodeIn(await askOneUdp(dns.address, query))).toBe(RCODE.NXDOMAIN)
    expect(other.received).toEqual([])
  })

  it.each([
    ['is silent', silent],
    ['answers SERVFAIL', refusing(RCODE.SERVFAIL)],
    ['answers REFUSED', refusing(RCODE.REFUSED)],
  ])('asks the next upstream when the first %s', async (_what, behaviour) => {
    await using first = await FakeUpstream.start(behaviour)
    await using second = await FakeUpstream.start(answering('192.0.2.2'))
    await using dns = await startServer({ ...SOON, upstreams: [first, second] })

    expect(answersIn(await askOneUdp(dns.address, query))).toEqual(['192.0.2.2'])
  })

  it('asks the next upstream when nobody listens at the first', async () => {
    const gone = await FakeUpstream.start(silent)
    const { name } = gone
    await gone[Symbol.asyncDispose]()
    await using second = await FakeUpstream.start(answering('192.0.2.2'))
    await using dns = await startServer({ upstreams: [{ name }, second] })

    expect(answersIn(await askOneUdp(dns.address, query))).toEqual(['192.0.2.2'])
    expect(
      dns.deps.metrics.value('edgeway_dns_upstream_failures_total', { upstream: name, reason: 'network' }),
    ).toBe(1)
  })

  it('asks again when a datagram is lost', async () => {
    let isFirst = true
    await using upstream = await FakeUpstream.start(({ message }) => {
      const replies = isFirst ? [] : [replyTo(message, ['192.0.2.1'])]
      isFirst = false
      return replies
    })
    await using dns = await startServer({ ...SOON, upstreams: [upstream] })

    expect(answersIn(await askOneUdp(dns.address, query))).toEqual(['192.0.2.1'])
  })

  it('asks an upstream that failed only after the others, and tells of its failure once', async () => {
    await using first = await FakeUpstream.start(silent)
    await using second = await FakeUpstream.start(answering('192.0.2.2'))
    await using dns = await startServer({ ...SOON, upstreamHoldOffMs: 600_000, upstreams: [first, second] })
    for (let n = 0; n < 5; n++) await askOneUdp(dns.address, query)

    expect(first.received).toHaveLength(2)
    expect(second.received).toHaveLength(5)
    expect(dns.deps.logger.lines.filter(({ level }) => level === 'warn')).toMatchObject([
      {
        message: 'upstream does not answer',
        fields: { component: 'dns', upstream: first.name, reason: 'timeout' },
      },
    ])
  })

  it('answers SERVFAIL when no upstream helps', async () => {
    await using upstream = await FakeUpstream.start(silent)
    await using dns = await startServer({ ...SOON, upstreams: [upstream] })
    expect(rcodeIn(await askOneUdp(dns.address, query))).toBe(RCODE.SERVFAIL)
    expect(upstream.received).toHaveLength(2)

    upstream.behaviour = refusing(RCODE.SERVFAIL)
    expect(rcodeIn(await askOneUdp(dns.address, query))).toBe(RCODE.SERVFAIL)
    expect(upstream.received).toHaveLength(3)
  })

  it('answers SERVFAIL without any upstream', async () => {
    await using dns = await startServer()
    expect(rcodeIn(await askOneUdp(dns.address, query))).toBe(RCODE.SERVFAIL)
  })

  it('answers SERVFAIL at once to more queries than may wait for upstreams', async () => {
    await using upstream = await FakeUpstream.start(silent)
    const patient = { upstreamTimeoutMs: 600_000, forwardTimeoutMs: 600_000 }
    await using dns = await startServer({
      ...patient,
      upstreams: [upstream],
      // A client may have half of them.
      maxForwardedQueries: 4,
      drainTimeoutMs: 10,
    })
    const waiting = askUdp(
      dns.address,
      [1, 2].map((id) => queryOf(`${id}.example.com`, 'A', { id })),
    )
    await upstream.asked(2)

    expect(rcodeIn(await askOneUdp(dns.address, query))).toBe(RCODE.SERVFAIL)
    await dns.server[Symbol.asyncDispose]()
    await waiting
  })
})

describe('a client that asks for names without an answer', () => {
  it('leaves room for the queries of others', async () => {
    const isSlow = (message: Buffer) =>
      decode(message).questions?.[0]?.name.toLowerCase().endsWith('slow.example') === true
    await using upstream = await FakeUpstream.start(({ message }) =>
      isSlow(message) ? [] : [replyTo(message, ['192.0.2.1'])],
    )
    await using dns = await startServer({
      upstreams: [upstream],
      maxForwardedQueries: 20,
      upstreamTimeoutMs: 600_000,
      forwardTimeoutMs: 600_000,
      drainTimeoutMs: 10,
    })
    const flood = Array.from({ length: 40 }, (_, id) => queryOf(`${id}.slow.example`, 'A', { id }))
    // Refused at once: all but half of those that may wait.
    const refused = await askUdp(dns.address, flood, 30)
    expect(refused.map(rcodeIn)).toEqual(refused.map(() => RCODE.SERVFAIL))

    const other = await askOneUdp({ ...dns.address, from: '127.0.0.2' }, query)
    expect(answersIn(other)).toEqual(['192.0.2.1'])
  })
})

describe('the same question, asked while it is being asked', () => {
  const upper = queryOf('EXAMPLE.com', 'A', { id: 2 })

  it('is answered to each client under its id and with its question, from one reply', async () => {
    const gate = Promise.withResolvers<void>()
    await using upstream = await FakeUpstream.start(async ({ message }) => {
      await gate.promise
      return [replyTo(message, ['192.0.2.1'])]
    })
    await using dns = await startServer({ upstreams: [upstream] })
    const waiting = askUdp(dns.address, [queryOf('example.com', 'A', { id: 1 }), upper])
    await upstream.asked(1)
    // Answered at once and in turn: whatever was sent before it is being asked by then.
    await askOneUdp(dns.address, queryOf('web.shop.svc.cluster.local'))
    gate.resolve()

    expect((await waiting).map((answer) => decode(answer))).toMatchObject([
      { id: 1, questions: [{ name: 'example.com' }], answers: [{ data: '192.0.2.1' }] },
      { id: 2, questions: [{ name: 'EXAMPLE.com' }], answers: [{ data: '192.0.2.1' }] },
    ])
    expect(upstream.received).toHaveLength(1)
  })

  it('is asked anew once it was answered', async () => {
    await using upstream = await FakeUpstream.start(answering('192.0.2.1'))
    await using dns = await startServer({ upstreams: [upstream] })
    await askOneUdp(dns.address, query)
    await askOneUdp(dns.address, upper)

    expect(upstream.received).toHaveLength(2)
  })

  it('is asked apart where the clients wish for different answers', async () => {
    await using upstream = await FakeUpstream.start(silent)
    await using dns = await startServer({ upstreams: [upstream], drainTimeoutMs: 10 })
    void askUdp(dns.address, [
      queryOf('example.com'),
      queryOf('example.com', 'AAAA'),
      queryOf('example.com', 'A', { flags: 0 }),
      queryOf('example.com', 'A', { udpPayloadSize: 1_232 }),
      queryOf('example.com', 'A', { udpPayloadSize: 1_232, dnssecOk: true }),
    ])

    await upstream.asked(5)
  })

  it('ends when an upstream sends it back to us', async () => {
    await using upstream = await FakeUpstream.start(silent)
    await using dns = await startServer({ ...SOON, upstreams: [upstream] })
    upstream.behaviour = async ({ message }) => {
      const answer = await askOneUdp(dns.address, message)
      return [replyTo(message, [], { flags: rcodeIn(answer) })]
    }

    expect(rcodeIn(await askOneUdp(dns.address, query))).toBe(RCODE.SERVFAIL)
    expect(upstream.received).toHaveLength(2)
  })
})

describe('an answer that is too large for UDP', () => {
  const many = Array.from({ length: 100 }, (_, i) => `192.0.2.${i}`)
  const truncating: Behaviour = ({ message, transport }) => [
    transport === 'udp' ? replyTo(message, [], { flags: TRUNCATED_RESPONSE }) : replyTo(message, many),
  ]

  it('is asked for again over TCP', async () => {
    await using upstream = await FakeUpstream.start(({ message, transport }) => [
      transport === 'udp'
        ? replyTo(message, [], { flags: TRUNCATED_RESPONSE })
        : replyTo(message, ['192.0.2.1']),
    ])
    await using dns = await startServer({ upstreams: [upstream] })

    expect(answersIn(await askOneUdp(dns.address, query))).toEqual(['192.0.2.1'])
    expect(upstream.received.map(({ transport }) => transport)).toEqual(['udp', 'tcp'])
  })

  it('comes truncated to a client over UDP and whole over TCP', async () => {
    await using upstream = await FakeUpstream.start(truncating)
    await using dns = await startServer({ upstreams: [upstream] })

    const cut = await askOneUdp(dns.address, queryOf('a.example.com', 'A', { udpPayloadSize: 1_232 }))
    expect(decode(cut)).toMatchObject({ flag_tc: true, answers: [] })
    expect(answersIn(await askOneTcp(dns.address, queryOf('a.example.com')))).toEqual(many)
    expect(upstream.received.at(-1)?.transport).toBe('tcp')
  })

  it('is relayed truncated when the upstream does not answer over TCP', async () => {
    await using upstream = await FakeUpstream.start((received) =>
      received.transport === 'udp' ? truncating(received) : [],
    )
    await using dns = await startServer({ ...SOON, upstreams: [upstream] })

    expect(decode(await askOneUdp(dns.address, query)).flag_tc).toBe(true)
  })
})

describe('a forged answer', () => {
  const evil = ['198.51.100.66']

  it.each<[string, (query: ReceivedQuery) => readonly Reply[]]>([
    ['has another id', ({ message }) => [replyTo(message, evil, { id: message.readUInt16BE(0) ^ 1 })]],
    [
      'is to another question',
      ({ message }) => [replyTo(queryOf('example.org', 'A', { id: message.readUInt16BE(0) }), evil)],
    ],
    ['comes from another port', ({ message }) => [{ stranger: replyTo(message, evil) }]],
    ['is garbage', () => [Buffer.alloc(40, 0xc0), Buffer.alloc(0)]],
  ])('that %s is ignored, the true one is taken', async (_what, forge) => {
    await using upstream = await FakeUpstream.start((received) => [
      ...forge(received),
      replyTo(received.message, ['192.0.2.1']),
    ])
    await using dns = await startServer({ upstreams: [upstream] })

    expect(answersIn(await askOneUdp(dns.address, query))).toEqual(['192.0.2.1'])
  })

  it('alone leads to no answer at all', async () => {
    await using upstream = await FakeUpstream.start(({ message }) => [
      replyTo(message, evil, { id: message.readUInt16BE(0) ^ 1 }),
      { stranger: replyTo(message, evil) },
    ])
    await using dns = await startServer({ ...SOON, upstreams: [upstream] })

    const answer = await askOneUdp(dns.address, query)
    expect(rcodeIn(answer)).toBe(RCODE.SERVFAIL)
    expect(dns.deps.metrics.value('edgeway_dns_upstream_mismatches_total', { upstream: upstream.name })).toBe(
      2,
    )
  })

  it('over TCP is ignored as well', async () => {
    await using upstream = await FakeUpstream.start(({ message }) => [
      replyTo(message, evil, { id: message.readUInt16BE(0) ^ 1 }),
      replyTo(message, ['192.0.2.1']),
    ])
    await using dns = await startServer({ upstreams: [upstream] })

    expect(answersIn(await askOneTcp(dns.address, query))).toEqual(['192.0.2.1'])
  })
})
