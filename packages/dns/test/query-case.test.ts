import { describe, expect, it } from 'vitest'
import { askOneUdp } from './support/client.ts'
import { type Behaviour, FakeUpstream, type ReceivedQuery } from './support/fake-upstream.ts'
import { answersIn, decode, queryOf, replyTo } from './support/query.ts'
import { startServer } from './support/server.ts'
import { aliasService } from './support/zone.ts'

const NAME = 'a-name-with-many-letters.example.com'
const query = queryOf(NAME)

const nameIn = (message: Buffer): string => decode(message).questions?.[0]?.name ?? ''

/** The reply with the name in lower case, whatever was asked. */
const lowered = ({ message }: ReceivedQuery, ip: string): Buffer =>
  replyTo(queryOf(nameIn(message).toLowerCase(), 'A', { id: message.readUInt16BE(0) }), [ip])

/** The reply with an address whose owner is a pointer to the question's name. */
function pointing(query: Buffer): Buffer {
  const reply = replyTo(query, [])
  reply.writeUInt16BE(1, 6)
  return Buffer.concat([reply, Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, 1])])
}

describe('the case of names', () => {
  it('is another one in each query to an upstream, and the own one in the answer to the client', async () => {
    await using upstream = await FakeUpstream.start(({ message }) => [replyTo(message, ['192.0.2.1'])])
    await using dns = await startServer({ upstreams: [upstream] })
    for (let n = 0; n < 5; n++) expect(nameIn(await askOneUdp(dns.address, query))).toBe(NAME)

    const asked = upstream.received.map(({ message }) => nameIn(message))
    expect(new Set(asked).size).toBeGreaterThan(3)
    expect(new Set(asked.map((name) => name.toLowerCase()))).toEqual(new Set([NAME]))
  })

  it('is the own one where names of the reply point to the question, too', async () => {
    await using upstream = await FakeUpstream.start(({ message }) => [pointing(message)])
    await using dns = await startServer({ upstreams: [upstream] })
    dns.services.set(aliasService('shop/alias', NAME))
    const answer = await askOneUdp(dns.address, queryOf('alias.shop.svc.cluster.local'))

    expect(decode(answer).answers).toMatchObject([{ data: NAME }, { name: NAME, data: '192.0.2.1' }])
  })

  it('stays as the client has it where that is wished', async () => {
    await using upstream = await FakeUpstream.start((received) => [lowered(received, '192.0.2.1')])
    await using dns = await startServer({ upstreams: [upstream], randomizeQueryCase: false })
    await askOneUdp(dns.address, queryOf('MiXed.example.com'))

    expect(upstream.received.map(({ message }) => nameIn(message))).toEqual(['MiXed.example.com'])
  })

  it('unmasks a forged reply, even one with the right id from the right port: the true one comes over TCP', async () => {
    await using upstream = await FakeUpstream.start((received) =>
      received.transport === 'udp'
        ? [lowered(received, '198.51.100.66'), replyTo(received.message, ['192.0.2.1'])]
        : [replyTo(received.message, ['192.0.2.1'])],
    )
    await using dns = await startServer({ upstreams: [upstream] })
    for (let n = 0; n < 3; n++) expect(answersIn(await askOneUdp(dns.address, query))).toEqual(['192.0.2.1'])

    const { name } = upstream
    expect(dns.deps.metrics.value('edgeway_dns_upstream_mismatches_total', { upstream: name })).toBe(3)
    // It keeps the case itself, and is still asked in a random one.
    expect(new Set(upstream.received.map(({ message }) => nameIn(message))).size).toBeGreaterThan(1)
  })

  it.each<[string, Behaviour]>([
    ['which says so over TCP', (received) => [lowered(received, '192.0.2.1')]],
    [
      'and is not there over TCP',
      (received) => (received.transport === 'udp' ? [lowered(received, '192.0.2.1')] : []),
    ],
  ])('is not randomised for an upstream that does not keep it, %s', async (_what, behaviour) => {
    await using upstream = await FakeUpstream.start(behaviour)
    await using dns = await startServer({ upstreams: [upstream], upstreamTimeoutMs: 100 })
    expect(answersIn(await askOneUdp(dns.address, query))).toEqual(['192.0.2.1'])
    const asked = upstream.received.length
    expect(answersIn(await askOneUdp(dns.address, query))).toEqual(['192.0.2.1'])

    expect(upstream.received.slice(asked).map(({ message }) => nameIn(message))).toEqual([NAME])
  })
})
