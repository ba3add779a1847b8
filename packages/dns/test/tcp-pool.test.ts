import { describe, expect, it } from 'vitest'
import { RCODE } from '../src/wire/codes.ts'
import { askOneTcp, TcpClient } from './support/client.ts'
import { type Behaviour, FakeUpstream } from './support/fake-upstream.ts'
import { answersIn, decode, queryOf, rcodeIn, replyTo } from './support/query.ts'
import { startServer } from './support/server.ts'

const answering: Behaviour = ({ message }) => [replyTo(message, ['192.0.2.1'])]

const queries = (count: number): Buffer[] =>
  Array.from({ length: count }, (_, id) => queryOf(`${id}.example.com`, 'A', { id }))

/** Each name of `queries` has its own address. */
const numbered: Behaviour = ({ message }) => {
  const [question] = decode(message).questions ?? []
  return [replyTo(message, [`192.0.2.${question?.name.split('.')[0]}`])]
}

describe('queries over TCP', () => {
  it('are asked over UDP where the upstream takes no connections', async () => {
    await using upstream = await FakeUpstream.start(({ message }) => [replyTo(message, ['192.0.2.1'])])
    await upstream.refuseTcp()
    await using dns = await startServer({ upstreams: [upstream] })

    expect(answersIn(await askOneTcp(dns.address, queryOf('a.example.com')))).toEqual(['192.0.2.1'])
  })

  it('share one connection to the upstream, one after the other', async () => {
    await using upstream = await FakeUpstream.start(answering)
    await using dns = await startServer({ upstreams: [upstream] })
    for (const query of queries(5))
      expect(answersIn(await askOneTcp(dns.address, query))).toEqual(['192.0.2.1'])

    expect(upstream.connections).toBe(1)
    const ids = upstream.received.map(({ message }) => message.readUInt16BE(0))
    expect(new Set(ids).size).toBeGreaterThan(3)
  })

  it('are answered in the order of the answers, each with its own', async () => {
    const held: (() => void)[] = []
    await using upstream = await FakeUpstream.start(async (query) => {
      const { promise, resolve } = Promise.withResolvers<void>()
      held.push(resolve)
      await promise
      return numbered(query)
    })
    await using dns = await startServer({ upstreams: [upstream] })
    await using client = await TcpClient.connect(dns.address)
    client.send(...queries(10))
    await upstream.asked(10)
    for (const release of held.toReversed()) release()

    const answers = await client.received(10)
    for (const answer of answers) expect(answersIn(answer)).toEqual([`192.0.2.${answer.readUInt16BE(0)}`])
    expect(answers.map((answer) => answer.readUInt16BE(0))).not.toEqual(queries(10).map((_, id) => id))
    expect(upstream.connections).toBe(1)
  })

  it('take few connections, however many there are', async () => {
    await using upstream = await FakeUpstream.start(() => [])
    await using dns = await startServer({
      upstreams: [upstream],
      maxTcpPipelinedQueries: 300,
      drainTimeoutMs: 10,
    })
    await using client = await TcpClient.connect(dns.address)
    client.send(...queries(200))
    await upstream.asked(200)

    expect(upstream.connections).toBe(4)
    await dns.server[Symbol.asyncDispose]()
  })

  it('are asked again, once, on a new connection when the upstream closes the one that they wait on', async () => {
    await using upstream = await FakeUpstream.start(() => [])
    await using dns = await startServer({ upstreams: [upstream] })
    await using client = await TcpClient.connect(dns.address)
    client.send(...queries(10))
    await upstream.asked(10)
    upstream.behaviour = numbered
    upstream.disconnect()

    for (const answer of await client.received(10))
      expect(answersIn(answer)).toEqual([`192.0.2.${answer.readUInt16BE(0)}`])
    expect(upstream.connections).toBe(2)
    expect(upstream.received).toHaveLength(20)
  })

  it('are given up when the upstream closes each connection', async () => {
    await using upstream = await FakeUpstream.start(() => [])
    upstream.behaviour = () => {
      upstream.disconnect()
      return []
    }
    await using dns = await startServer({ upstreams: [upstream], upstreamTimeoutMs: 100 })

    expect(rcodeIn(await askOneTcp(dns.address, queryOf('example.com')))).toBe(RCODE.SERVFAIL)
    // Two rounds, each of them with one more attempt, and then one over UDP.
    const asked = upstream.received.map(({ transport }) => transport)
    expect(asked).toEqual(['tcp', 'tcp', 'udp', 'tcp', 'tcp', 'udp'])
  })

  it('go over a new connection after the upstream has closed an idle one', async () => {
    await using upstream = await FakeUpstream.start(answering)
    await using dns = await startServer({ upstreams: [upstream] })
    for (const query of queries(3)) {
      expect(answersIn(await askOneTcp(dns.address, query))).toEqual(['192.0.2.1'])
      upstream.disconnect()
    }

    expect(upstream.connections).toBe(3)
  })

  it('leave a connection on which nothing comes', async () => {
    await using upstream = await FakeUpstream.start(() => [])
    await using dns = await startServer({ upstreams: [upstream], upstreamTimeoutMs: 50 })
    await askOneTcp(dns.address, queryOf('example.com'))

    expect(upstream.connections).toBe(2)
  })

  it('leave a connection open no longer than it may be idle', async () => {
    await using upstream = await FakeUpstream.start(answering)
    await using dns = await startServer({ upstreams: [upstream], upstreamTcpIdleTimeoutMs: 20 })
    await askOneTcp(dns.address, queryOf('example.com'))

    await upstream.disconnected()
    expect(upstream.connections).toBe(1)
  })

  it('take no answer of another question, even with their id', async () => {
    await using upstream = await FakeUpstream.start(({ message }) => [
      replyTo(queryOf('example.org', 'A', { id: message.readUInt16BE(0) }), ['198.51.100.66']),
      Buffer.alloc(1),
      Buffer.alloc(0),
      replyTo(message, ['192.0.2.1']),
    ])
    await using dns = await startServer({ upstreams: [upstream] })

    expect(answersIn(await askOneTcp(dns.address, queryOf('example.com')))).toEqual(['192.0.2.1'])
  })
})
