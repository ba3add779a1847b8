import { describe, expect, it } from 'vitest'
import { RCODE } from '../src/wire/codes.ts'
import { askOneUdp } from './support/client.ts'
import { FakeUpstream } from './support/fake-upstream.ts'
import { namesIn, resolving } from './support/names.ts'
import { answersIn, queryOf, rcodeIn } from './support/query.ts'
import { startServer } from './support/server.ts'

const NAMES = {
  'www.corp.example': ['192.0.2.1'],
  'www.lab.corp.example': ['192.0.2.2'],
  'xcorp.example': ['192.0.2.3'],
}

describe('a stub domain', () => {
  it('has its names asked of its own resolvers, the longest domain that fits counts', async () => {
    await using corp = await FakeUpstream.start(resolving(NAMES))
    await using lab = await FakeUpstream.start(resolving(NAMES))
    await using others = await FakeUpstream.start(resolving(NAMES))
    const stubDomains = [
      { domain: 'Corp.example', upstreams: [corp.name] },
      { domain: 'lab.corp.example', upstreams: [lab.name] },
    ]
    await using dns = await startServer({ upstreams: [others], stubDomains })
    const names = ['WWW.corp.example', 'www.lab.corp.example', 'xcorp.example', 'corp.example']
    for (const name of names) await askOneUdp(dns.address, queryOf(name))

    expect(namesIn(corp.received)).toEqual(['www.corp.example', 'corp.example'])
    expect(namesIn(lab.received)).toEqual(['www.lab.corp.example'])
    expect(namesIn(others.received)).toEqual(['xcorp.example'])
  })

  it('of addresses has those that the cluster does not know', async () => {
    await using corp = await FakeUpstream.start(resolving({}))
    await using dns = await startServer({
      stubDomains: [{ domain: '10.in-addr.arpa', upstreams: [corp.name] }],
    })

    const known = await askOneUdp(dns.address, queryOf('1.0.96.10.in-addr.arpa', 'PTR'))
    expect(answersIn(known)).toEqual(['web.shop.svc.cluster.local'])
    const other = await askOneUdp(dns.address, queryOf('1.0.0.10.in-addr.arpa', 'PTR'))
    expect(rcodeIn(other)).toBe(RCODE.NXDOMAIN)
    expect(namesIn(corp.received)).toEqual(['1.0.0.10.in-addr.arpa PTR'])
  })

  it('is not looked for elsewhere while its resolvers are away, and others are not held up by that', async () => {
    await using corp = await FakeUpstream.start(() => [])
    await using others = await FakeUpstream.start(resolving(NAMES))
    await using dns = await startServer({
      upstreams: [others],
      stubDomains: [{ domain: 'corp.example', upstreams: [corp.name] }],
      maxForwardedQueries: 1,
      upstreamTimeoutMs: 600_000,
      forwardTimeoutMs: 600_000,
      drainTimeoutMs: 10,
    })
    const waiting = askOneUdp(dns.address, queryOf('www.corp.example'))
    await corp.asked(1)

    expect(answersIn(await askOneUdp(dns.address, queryOf('xcorp.example')))).toEqual(['192.0.2.3'])
    await dns.server[Symbol.asyncDispose]()
    expect(rcodeIn(await waiting)).toBe(RCODE.SERVFAIL)
    expect(namesIn(others.received)).toEqual(['xcorp.example'])
  })

  it('has its answers kept', async () => {
    await using corp = await FakeUpstream.start(resolving(NAMES))
    await using dns = await startServer({
      stubDomains: [{ domain: 'corp.example', upstreams: [corp.name] }],
      cacheBytes: 1_000_000,
    })
    await askOneUdp(dns.address, queryOf('www.corp.example'))
    expect(answersIn(await askOneUdp(dns.address, queryOf('www.corp.example')))).toEqual(['192.0.2.1'])
    expect(corp.received).toHaveLength(1)
  })

  it('that can not be served keeps the responder from starting', async () => {
    const stubDomains = [{ domain: 'svc.cluster.local', upstreams: ['10.0.0.1'] }]
    await expect(startServer({ stubDomains })).rejects.toMatchObject({ code: 'ERR_DNS_STUB_DOMAIN' })
  })
})
