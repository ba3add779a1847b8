import { describe, expect, it } from 'vitest'
import { askOneUdp } from './support/client.ts'
import { FakeUpstream } from './support/fake-upstream.ts'
import { queryOf } from './support/query.ts'
import { addressRecord, replyOf, soaRecord } from './support/reply.ts'
import { startServer } from './support/server.ts'
import { aliasService, zoneEndpoint, zoneService } from './support/zone.ts'

describe('DnsServer.explain', () => {
  it('tells zone, rule, Service and records of a name of the cluster', async () => {
    await using dns = await startServer()

    expect(await dns.server.explain({ name: 'Web.shop.svc.cluster.local.', type: 'a' })).toEqual({
      name: 'Web.shop.svc.cluster.local.',
      type: 'A',
      rcode: 'NOERROR',
      records: ['Web.shop.svc.cluster.local. 5 IN A 10.96.0.1'],
      zone: 'cluster',
      rule: 'service',
      service: 'shop/web',
      cache: 'none',
    })
  })

  it.each<[string, string, object]>([
    ['db-0.db.shop.svc.cluster.local', 'AAAA', { rule: 'endpoint', service: 'shop/db' }],
    ['_sql._tcp.db.shop.svc.cluster.local', 'SRV', { rule: 'service-port', service: 'shop/db' }],
    ['alias.shop.svc.cluster.local', 'A', { rule: 'external-name', service: 'shop/alias' }],
    ['web.shop.svc.cluster.local', 'TXT', { rule: 'no-type', service: 'shop/web', rcode: 'NOERROR' }],
    ['nope.shop.svc.cluster.local', 'A', { rule: 'absent', rcode: 'NXDOMAIN' }],
    ['11.0.96.10.in-addr.arpa', 'PTR', { rule: 'no-upstream', error: { infoCode: 22 } }],
  ])('tells them of %s %s', async (name, type, told) => {
    await using dns = await startServer()
    dns.services.set(zoneService('shop/db', [['sql', 5432]]), [
      zoneEndpoint('fd00::12', { hostname: 'db-0' }),
    ])
    dns.services.set(aliasService('shop/alias', 'web.shop.svc.cluster.local'))
    const explanation = await dns.server.explain({ name, type })

    expect(explanation).toMatchObject(told)
    expect('service' in explanation).toBe('service' in told)
  })

  it('tells which upstream said so, and how long ago', async () => {
    await using upstream = await FakeUpstream.start(({ message }) => [
      replyOf(message, { answers: [addressRecord('example.com', 60)], authorities: [soaRecord(60, 60)] }),
    ])
    await using dns = await startServer({ upstreams: [upstream], cacheBytes: 1_000_000 })
    const told = { zone: 'forward', upstream: upstream.name, ageSeconds: 0 }

    const first = await dns.server.explain({ name: 'example.com', type: 'A' })
    expect(first).toMatchObject({ ...told, rule: 'upstream', cache: 'missed' })
    expect(first.records).toEqual([
      'example.com. 60 IN A 192.0.2.1',
      'example.com. 60 IN SOA ns.example.com. admin.example.com. 1 1 1 1 60',
    ])
    const second = await dns.server.explain({ name: 'example.com', type: 'A' })
    expect(second).toMatchObject({ ...told, rule: 'cache', cache: 'fresh' })
    expect(upstream.received).toHaveLength(1)
  })

  it('is not counted as a query', async () => {
    await using dns = await startServer()
    await dns.server.explain({ name: 'web.shop.svc.cluster.local', type: 'A' })
    await askOneUdp(dns.address, queryOf('web.shop.svc.cluster.local'))

    const labels = { zone: 'cluster', rcode: 'NOERROR', type: 'A', transport: 'udp' }
    expect(dns.deps.metrics.value('edgeway_dns_queries_total', labels)).toBe(1)
  })

  it.each([
    ['', 'A', 'name: expected a domain name, e.g. web.shop.svc.cluster.local, found ""'],
    ['a..b', 'A', /^name: .* found "a\.\.b"$/],
    ['x'.repeat(64), 'A', /^name: /],
    ['10.96.0.1', 'A', /^name: /],
    ['a.b', 'B', 'type: expected a record type, e.g. A or TYPE65, found "B"'],
    ['a.b', 'TYPE0', /^type: /],
    ['a.b', 'TYPE65536', /^type: /],
    ['a.b', 'OPT', /^type: /],
    ['a.b', 'AXFR', 'type: expected a type that is answered, found "AXFR"'],
  ])('says what is wrong with %j %s', async (name, type, message) => {
    await using dns = await startServer()
    await expect(dns.server.explain({ name, type })).rejects.toThrow(message)
  })

  it('is a page of the admin server', async () => {
    await using dns = await startServer()
    const page = dns.deps.status.pages.get('dnsz')

    expect(await page?.({ name: 'web.shop.svc.cluster.local' })).toMatchObject({
      kind: 'found',
      value: { rule: 'service', type: 'A' },
    })
    expect(await page?.({})).toMatchObject({ kind: 'bad-parameters' })
  })
})
