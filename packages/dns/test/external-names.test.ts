import { describe, expect, it } from 'vitest'
import { RCODE } from '../src/wire/codes.ts'
import { askOneTcp, askOneUdp } from './support/client.ts'
import { type Behaviour, FakeUpstream } from './support/fake-upstream.ts'
import { linesIn, type Names, namesIn, resolving } from './support/names.ts'
import { decode, queryOf, rcodeIn, replyTo } from './support/query.ts'
import { addressRecord, replyOf } from './support/reply.ts'
import { startServer } from './support/server.ts'
import { aliasService } from './support/zone.ts'

const DOMAIN = 'svc.cluster.local'
const ALIAS = `alias.shop.${DOMAIN}`
const CNAME = `${ALIAS} CNAME www.example.com`

/** A responder with a Service `alias.shop` that stands for `target`, and its upstream. */
async function startWithAlias(behaviour: Behaviour, target = 'www.example.com', options = {}) {
  const upstream = await FakeUpstream.start(behaviour)
  const dns = await startServer({ upstreams: [upstream], ...options })
  dns.services.set(aliasService('shop/alias', target))
  return {
    upstream,
    dns,
    ask: (type: 'A' | 'AAAA' | 'CNAME' | 'ANY' | 'PTR' = 'A', name = ALIAS) =>
      askOneUdp(dns.address, queryOf(name, type)),
    async [Symbol.asyncDispose]() {
      await dns[Symbol.asyncDispose]()
      await upstream[Symbol.asyncDispose]()
    },
  }
}

const known: Names = { 'www.example.com': ['192.0.2.1', '192.0.2.2'] }

describe('an external name outside of the cluster', () => {
  it('comes with the addresses of what it stands for', async () => {
    await using mesh = await startWithAlias(resolving(known))
    const answer = await mesh.ask()

    const expected = [CNAME, 'www.example.com A 192.0.2.1', 'www.example.com A 192.0.2.2']
    expect(linesIn(answer)).toEqual(expected)
    expect(decode(answer)).toMatchObject({ flag_aa: true, answers: [{ ttl: 5 }, { ttl: 60 }, { ttl: 60 }] })
    expect(linesIn(await askOneTcp(mesh.dns.address, queryOf(ALIAS)))).toEqual(expected)
  })

  it('comes with all names on the way', async () => {
    await using mesh = await startWithAlias(
      resolving({ ...known, 'a.example.org': { cname: 'www.example.com' } }),
      'a.example.org',
    )

    expect(linesIn(await mesh.ask())).toEqual([
      `${ALIAS} CNAME a.example.org`,
      'a.example.org CNAME www.example.com',
      'www.example.com A 192.0.2.1',
      'www.example.com A 192.0.2.2',
    ])
  })

  it('has no record of a type that its target lacks, and no name where there is no target: as long as the SOA says', async () => {
    await using mesh = await startWithAlias(resolving(known))
    const noType = await mesh.ask('AAAA')
    expect([rcodeIn(noType), linesIn(noType)]).toEqual([RCODE.NOERROR, [CNAME]])
    expect(decode(noType).authorities).toMatchObject([{ type: 'SOA', name: 'example.com', ttl: 30 }])

    mesh.upstream.behaviour = resolving({})
    const absent = await mesh.ask()
    expect([rcodeIn(absent), linesIn(absent)]).toEqual([RCODE.NXDOMAIN, [CNAME]])
    expect(decode(absent).authorities).toMatchObject([{ type: 'SOA', name: 'example.com' }])
  })

  it.each<[string, Behaviour]>([
    ['is silent', () => []],
    ['answers SERVFAIL', ({ message }) => [replyTo(message, [], { flags: RCODE.SERVFAIL })]],
  ])('is SERVFAIL, never the CNAME alone, while the upstream %s', async (_what, behaviour) => {
    await using mesh = await startWithAlias(behaviour, 'www.example.com', {
      upstreamTimeoutMs: 30,
      forwardTimeoutMs: 100,
    })
    for (const type of ['A', 'AAAA'] as const) {
      const answer = await mesh.ask(type)
      expect([rcodeIn(answer), linesIn(answer)]).toEqual([RCODE.SERVFAIL, []])
    }
  })

  it('is answered from the cache', async () => {
    await using mesh = await startWithAlias(resolving(known), 'www.example.com', { cacheBytes: 1_000_000 })
    await mesh.ask()
    await mesh.ask()
    expect(mesh.upstream.received).toHaveLength(1)
  })

  it.each(['CNAME', 'ANY', 'PTR'] as const)(
    'is the CNAME alone for %s, of which nobody is asked',
    async (type) => {
      await using mesh = await startWithAlias(resolving(known))

      expect(linesIn(await mesh.ask(type))).toEqual([CNAME])
      expect(mesh.upstream.received).toEqual([])
    },
  )

  it('is found for a client who wishes for no recursion, too: it is a name of ours', async () => {
    await using mesh = await startWithAlias(resolving(known))
    const answer = await askOneUdp(mesh.dns.address, queryOf(ALIAS, 'A', { flags: 0 }))

    expect(linesIn(answer)).toHaveLength(3)
    expect(decode(mesh.upstream.received[0]?.message ?? answer).flag_rd).toBe(true)
  })

  it('may lead back into the cluster', async () => {
    await using mesh = await startWithAlias(resolving({ 'www.example.com': { cname: `web.shop.${DOMAIN}` } }))

    expect(linesIn(await mesh.ask())).toEqual([
      CNAME,
      `www.example.com CNAME web.shop.${DOMAIN}`,
      `web.shop.${DOMAIN} A 10.96.0.1`,
    ])
  })

  it('that leads in a circle is SERVFAIL, after a bounded number of questions', async () => {
    await using mesh = await startWithAlias(resolving({ 'www.example.com': { cname: ALIAS } }))
    expect(rcodeIn(await mesh.ask())).toBe(RCODE.SERVFAIL)
    expect(mesh.upstream.received.length).toBeLessThanOrEqual(8)

    mesh.upstream.behaviour = resolving({ 'www.example.com': { cname: 'www.example.com' } })
    expect(rcodeIn(await mesh.ask())).toBe(RCODE.SERVFAIL)
    expect(mesh.upstream.received.length).toBeLessThanOrEqual(16)
  })

  it('is followed through another Service, too', async () => {
    await using mesh = await startWithAlias(resolving(known))
    mesh.dns.services.set(aliasService('shop/second', ALIAS))

    expect(linesIn(await mesh.ask('A', `Second.shop.${DOMAIN}`))).toEqual([
      `second.shop.${DOMAIN} CNAME ${ALIAS}`,
      CNAME,
      'www.example.com A 192.0.2.1',
      'www.example.com A 192.0.2.2',
    ])
  })

  it('takes nothing from the answer but the records that the name leads to', async () => {
    await using mesh = await startWithAlias(({ message }) => [
      replyOf(message, {
        answers: [
          addressRecord('www.example.com', 60, '192.0.2.1'),
          addressRecord('bank.example.org', 60, '198.51.100.66'),
          { type: 'CNAME', name: 'other.example.org', ttl: 60, data: 'evil.example.org' },
        ],
        additionals: [addressRecord('www.example.com', 60, '198.51.100.67')],
      }),
    ])

    expect(linesIn(await mesh.ask())).toEqual([CNAME, 'www.example.com A 192.0.2.1'])
  })

  it('is asked of the resolvers of its stub domain', async () => {
    await using corp = await FakeUpstream.start(resolving({ 'db.corp.example': ['192.0.2.9'] }))
    await using mesh = await startWithAlias(resolving({}), 'db.corp.example', {
      stubDomains: [{ domain: 'corp.example', upstreams: [corp.name] }],
    })

    expect(linesIn(await mesh.ask()).at(-1)).toBe('db.corp.example A 192.0.2.9')
    expect(namesIn(mesh.upstream.received)).toEqual([])
  })
})
