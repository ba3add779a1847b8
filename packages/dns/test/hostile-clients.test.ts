/** What clients do that flood, dawdle or never read: others are served, and nothing grows. */
import { once } from 'node:events'
import { connect } from 'node:net'
import { describe, expect, it, vi } from 'vitest'
import { encodeFrame } from '../src/listen/tcp/tcp-frames.ts'
import { askOneTcp, askOneUdp, askUdp, TcpClient } from './support/client.ts'
import { FakeUpstream } from './support/fake-upstream.ts'
import { answersIn, decode, queryOf } from './support/query.ts'
import { replyOf } from './support/reply.ts'
import { startServer } from './support/server.ts'
import { zoneEndpoint, zoneService } from './support/zone.ts'

const web = queryOf('web.shop.svc.cluster.local')
const db = queryOf('db.shop.svc.cluster.local')

/** A responder with a headless Service of 500 endpoints, whose answer takes 8 kB. */
async function startLarge(options: Parameters<typeof startServer>[0] = {}) {
  const dns = await startServer(options)
  const endpoints = Array.from({ length: 500 }, (_, n) => zoneEndpoint(`10.1.${n >> 8}.${n & 255}`))
  dns.services.set(zoneService('shop/db', [['sql', 5432]]), endpoints)
  return dns
}

describe('over UDP', () => {
  it('answers a flood up to the rate; every second query above it is sent to TCP, where it is answered', async () => {
    await using dns = await startServer({ responsesPerSecondPerClient: 1 })
    const flood = Array.from({ length: 8 }, (_, id) =>
      queryOf('web.shop.svc.cluster.local', 'A', { id, udpPayloadSize: 1_232 }),
    )
    // Two at once, then the second, fourth and sixth above the rate; a second more may pass on a busy machine.
    const answers = await askUdp(dns.address, flood, 4)

    expect(answers.slice(0, 2).map(answersIn)).toEqual([['10.96.0.1'], ['10.96.0.1']])
    const truncated = answers.filter((answer) => decode(answer).flag_tc)
    expect(truncated.length).toBeGreaterThan(0)
    for (const answer of truncated) expect(answersIn(answer)).toEqual([])
    expect(answersIn(await askOneTcp(dns.address, web))).toEqual(['10.96.0.1'])
    const { metrics, logger } = dns.deps
    const count = (outcome: string) => metrics.value('edgeway_dns_rate_limited_queries_total', { outcome })
    expect(count('truncate')).toBeGreaterThan(0)
    expect(count('drop')).toBeGreaterThanOrEqual(count('truncate'))
    const lines = logger.lines.filter(({ message }) => message === 'a client asks more than it is answered')
    expect(lines).toMatchObject([{ level: 'warn', fields: { client: '127.0.0.1' } }])
  })

  it('has no such bound where it is 0', async () => {
    await using dns = await startServer({ responsesPerSecondPerClient: 0 })
    const many = Array.from({ length: 100 }, (_, id) => queryOf('web.shop.svc.cluster.local', 'A', { id }))

    expect((await askUdp(dns.address, many)).map(answersIn)).toEqual(many.map(() => ['10.96.0.1']))
  })

  it.each([
    [0, 512],
    [512, 512],
    [1_232, 1_232],
    [4_096, 1_232],
  ])('truncates the answer of 500 endpoints at %i: whole records, at most %i bytes', async (size, bytes) => {
    await using dns = await startLarge()
    const answer = await askOneUdp(
      dns.address,
      queryOf('db.shop.svc.cluster.local', 'A', { udpPayloadSize: size }),
    )

    expect(answer.length).toBeLessThanOrEqual(bytes)
    expect(answer.length).toBeGreaterThan(bytes - 16)
    expect(decode(answer)).toMatchObject({ flag_tc: true, authorities: [] })
    expect(new Set(answersIn(await askOneTcp(dns.address, db))).size).toBe(500)
  })

  it('cuts SRV records the same way, and has them whole with their addresses over TCP', async () => {
    await using dns = await startLarge()
    const srv = queryOf('_sql._tcp.db.shop.svc.cluster.local', 'SRV', { udpPayloadSize: 1_232 })
    const answer = decode(await askOneUdp(dns.address, srv))
    expect(answer).toMatchObject({ flag_tc: true, additionals: [{ type: 'OPT' }] })
    expect(answer.answers?.length).toBeGreaterThan(5)

    const whole = decode(await askOneTcp(dns.address, srv))
    expect(whole).toMatchObject({ flag_tc: false })
    expect([whole.answers?.length, whole.additionals?.length]).toEqual([500, 501])
  })
})

describe('over TCP', () => {
  it('reads no more of a client that does not read its answers, ends it, and serves others meanwhile', async () => {
    await using dns = await startLarge({ tcpIdleTimeoutMs: 300 })
    const deaf = connect({ host: dns.address.ip, port: dns.address.port })
    deaf.on('error', () => {
      // It is cut off in the end.
    })
    await once(deaf, 'connect')
    deaf.pause()
    // 20,000 answers of 8 kB are 160 MB.
    deaf.write(Buffer.concat(Array<Buffer>(20_000).fill(encodeFrame(db))))
    // By UDP: with so short a limit a busy machine might be too slow for a connection.
    expect(answersIn(await askOneUdp(dns.address, web))).toEqual(['10.96.0.1'])

    await vi.waitFor(() => expect(dns.deps.metrics.value('edgeway_dns_tcp_connections')).toBe(0), 15_000)
    const labels = { zone: 'cluster', rcode: 'NOERROR', type: 'A', transport: 'tcp' }
    const answered = dns.deps.metrics.value('edgeway_dns_queries_total', labels)
    expect(answered).toBeLessThan(5_000)
    deaf.destroy()
  })

  it('does not answer what is not read: the longest answers of a deaf client take no memory', async () => {
    await using dns = await startServer({ maxTcpPipelinedQueries: 1_000 })
    const endpoints = Array.from({ length: 4_000 }, (_, n) => zoneEndpoint(`10.1.${n >> 8}.${n & 255}`))
    dns.services.set(zoneService('shop/db', [['sql', 5432]]), endpoints)
    await using deaf = await TcpClient.connect(dns.address)
    deaf.socket.pause()
    deaf.send(...Array<Buffer>(1_000).fill(db))
    // The other connection is heard after all that was read of the first one is answered or held back.
    for (let count = 0; count < 20; count++)
      expect(answersIn(await askOneTcp(dns.address, web))).toEqual(['10.96.0.1'])

    const labels = { zone: 'cluster', rcode: 'NOERROR', type: 'A', transport: 'tcp' }
    // 64 kB each: what the system's buffers hold is 10 MB at most.
    expect(dns.deps.metrics.value('edgeway_dns_queries_total', labels)).toBeLessThan(500)
  })

  it('ends a client that asks upstreams for more than it reads', async () => {
    const text = Array<string>(240).fill('x'.repeat(250))
    await using upstream = await FakeUpstream.start(({ message, transport }) => {
      const [question] = decode(message).questions ?? []
      const name = question?.name ?? ''
      // Not to be kept.
      const answers = transport === 'tcp' ? [{ type: 'TXT', name, ttl: 0, data: text } as const] : []
      return [replyOf(message, { answers })]
    })
    await using dns = await startServer({
      upstreams: [upstream],
      maxTcpPipelinedQueries: 400,
      tcpIdleTimeoutMs: 600_000,
    })
    await using deaf = await TcpClient.connect(dns.address)
    deaf.socket.pause()
    const queries = Array.from({ length: 400 }, (_, id) => queryOf(`${id}.example.com`, 'TXT', { id }))
    deaf.send(...queries)

    await vi.waitFor(() => expect(dns.deps.metrics.value('edgeway_dns_tcp_connections')).toBe(0), 15_000)
    expect(deaf.answers.length).toBeLessThan(400)
  })

  it('answers a client that sends byte by byte and reads byte by byte, and others meanwhile', async () => {
    await using dns = await startLarge()
    await using slow = await TcpClient.connect(dns.address)
    const frame = encodeFrame(db)
    for (const [index, byte] of frame.entries()) {
      slow.socket.write(Buffer.from([byte]))
      if (index % 10 === 0) expect(answersIn(await askOneTcp(dns.address, web))).toEqual(['10.96.0.1'])
    }
    const [answer = Buffer.alloc(0)] = await slow.received(1)
    expect(answersIn(answer)).toHaveLength(500)
  })
})
