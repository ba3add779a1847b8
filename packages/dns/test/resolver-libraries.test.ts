/** Resolver libraries that can be told a port: Node's own (c-ares), and one that behaves as musl's does. */
import { Resolver } from 'node:dns/promises'
import { describe, expect, it } from 'vitest'
import { FakeUpstream } from './support/fake-upstream.ts'
import { muslLookup } from './support/musl-client.ts'
import { decode } from './support/query.ts'
import { addressRecord, replyOf, soaRecord } from './support/reply.ts'
import { startServer } from './support/server.ts'
import { zoneEndpoint, zoneService } from './support/zone.ts'

const MANY = Array.from({ length: 500 }, (_, n) => `10.1.${n >> 8}.${n & 255}`)

/** A cluster of both families and of one, and an upstream that fails for AAAA of one name. */
async function startCluster() {
  const upstream = await FakeUpstream.start(({ message }) => {
    const [question] = decode(message).questions ?? []
    if (question?.name.toLowerCase() === 'half.example.com' && question.type === 'AAAA')
      return [replyOf(message, { flags: 2 })]
    const answers = question?.type === 'A' ? [addressRecord(question.name, 60)] : []
    return [replyOf(message, { answers, authorities: [soaRecord(60, 60)] })]
  })
  const dns = await startServer({ upstreams: [upstream] })
  const clusterIps = ['10.96.0.2', 'fd00::2']
  dns.services.set(zoneService('shop/dual', [['http', 80]], { clusterIps }))
  dns.services.set(
    zoneService('shop/db', [['sql', 5432]]),
    MANY.map((ip) => zoneEndpoint(ip)),
  )
  return {
    ...dns,
    async [Symbol.asyncDispose]() {
      await dns[Symbol.asyncDispose]()
      await upstream[Symbol.asyncDispose]()
    },
  }
}

describe("musl's resolver", () => {
  it.each<[string, readonly string[] | string]>([
    ['dual.shop.svc.cluster.local', ['10.96.0.2', 'fd00::2']],
    // That there is no AAAA must not read as "no such name".
    ['web.shop.svc.cluster.local', ['10.96.0.1']],
    ['example.com', ['192.0.2.1']],
    ['nope.shop.svc.cluster.local', 'EAI_NONAME'],
    ['shop.svc.cluster.local', 'EAI_NODATA'],
    // It does so itself; what matters is that the failure is told, rather than kept waiting for.
    ['half.example.com', 'EAI_AGAIN'],
  ])('finds %s: %j', async (name, outcome) => {
    await using dns = await startCluster()
    expect(await muslLookup(dns.address, name)).toEqual(outcome)
  })

  it('finds all endpoints of a large Service', async () => {
    await using dns = await startCluster()
    const found = await muslLookup(dns.address, 'db.shop.svc.cluster.local')
    expect([...found].sort()).toEqual([...MANY].sort())
  })
})

describe("Node's resolver", () => {
  it('finds addresses, ports, names of addresses, and what there is not', async () => {
    await using dns = await startCluster()
    const resolver = new Resolver({ tries: 1 })
    resolver.setServers([`${dns.address.ip}:${dns.address.port}`])

    expect(await resolver.resolve4('dual.shop.svc.cluster.local')).toEqual(['10.96.0.2'])
    expect(await resolver.resolve6('dual.shop.svc.cluster.local')).toEqual(['fd00::2'])
    expect(await resolver.resolve4('example.com', { ttl: true })).toEqual([{ address: '192.0.2.1', ttl: 60 }])
    expect(await resolver.resolve4('db.shop.svc.cluster.local')).toHaveLength(500)
    expect(await resolver.resolveSrv('_http._tcp.dual.shop.svc.cluster.local')).toMatchObject([
      { name: 'dual.shop.svc.cluster.local', port: 80, priority: 0, weight: 100 },
    ])
    expect(await resolver.reverse('10.96.0.2')).toEqual(['dual.shop.svc.cluster.local'])
    await expect(resolver.resolve6('web.shop.svc.cluster.local')).rejects.toMatchObject({ code: 'ENODATA' })
    await expect(resolver.resolve4('nope.shop.svc.cluster.local')).rejects.toMatchObject({
      code: 'ENOTFOUND',
    })
    await expect(resolver.resolve6('half.example.com')).rejects.toMatchObject({ code: 'ESERVFAIL' })
  })
})
