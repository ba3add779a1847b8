import { FakeServiceDirectory, MemoryLogger } from '@edgeway/testbed'
import { describe, expect, it, vi } from 'vitest'
import { ClusterDns, clusterDnsUpstreams } from '../src/forward/cluster-dns.ts'
import type { Upstream } from '../src/forward/upstream.ts'
import { DEFAULT_DNS_OPTIONS } from '../src/options.ts'
import { RCODE } from '../src/wire/codes.ts'
import { askOneUdp } from './support/client.ts'
import { FakeUpstream } from './support/fake-upstream.ts'
import { namesIn, resolving } from './support/names.ts'
import { answersIn, queryOf, rcodeIn } from './support/query.ts'
import { ttlsIn } from './support/reply.ts'
import { startServer } from './support/server.ts'
import { type PortText, zoneEndpoint, zoneService } from './support/zone.ts'

const { clusterDns: DEFAULTS } = DEFAULT_DNS_OPTIONS
const PORTS: readonly PortText[] = [
  ['dns-tcp', 53, 'TCP'],
  ['dns', 53, 'UDP'],
  ['metrics', 9153, 'TCP'],
]

const namesOf = (upstreams: readonly Upstream[]): string[] => upstreams.map(({ name }) => name)

function clusterWith(text: string, clusterIps: readonly string[], ports = PORTS) {
  const directory = new FakeServiceDirectory()
  const service = zoneService(text, ports, { clusterIps, headless: false })
  directory.set(service)
  const dns = service.ports.find(({ protocol }) => protocol === 'UDP')
  return { directory, service, dns: dns?.name ?? service.ports[0]?.name }
}

describe("the resolvers of the cluster's DNS", () => {
  it('are the ClusterIPs of its Services, then the ready endpoints, in that order and each once', () => {
    const { directory, dns } = clusterWith('kube-system/kube-dns', ['10.96.0.10', 'fd00::a'])
    if (dns === undefined) throw new Error('it has a port for DNS')
    directory.setEndpoints(dns, [
      zoneEndpoint('10.1.0.2', { port: 1_053 }),
      zoneEndpoint('10.1.0.3', { port: 1_053, ready: false }),
      zoneEndpoint('10.1.0.2', { port: 1_053 }),
    ])
    directory.set(zoneService('kube-system/coredns', PORTS, { clusterIps: ['10.96.0.11'], headless: false }))

    const found = clusterDnsUpstreams(DEFAULTS.services, directory)
    expect(namesOf(found)).toEqual(['10.96.0.10:53', '[fd00::a]:53', '10.96.0.11:53', '10.1.0.2:1053'])
    // Pods come and go: their addresses are no labels.
    expect(found.at(-1)?.label).toBe('cluster-dns-endpoint')
  })

  it.each<[string, readonly PortText[], string[]]>([
    ['its number', [['whatever', 53, 'UDP']], ['10.96.0.10:53']],
    ['its name', [['dns', 5_353, 'UDP']], ['10.96.0.10:5353']],
    ['nothing', [['metrics', 9_153, 'TCP']], []],
  ])('are at the port that is known by %s', (_what, ports, expected) => {
    const { directory } = clusterWith('kube-system/kube-dns', ['10.96.0.10'], ports)

    expect(namesOf(clusterDnsUpstreams(DEFAULTS.services, directory))).toEqual(expected)
  })

  it('are found anew on each change, and told of only then', () => {
    const { directory, service, dns } = clusterWith('kube-system/kube-dns', ['10.96.0.10'])
    if (dns === undefined) throw new Error('it has a port for DNS')
    const logger = new MemoryLogger()
    const told: string[][] = []
    const following = new ClusterDns(DEFAULTS.services, {
      services: directory,
      logger,
      isOurself: ({ ip }) => ip === '169.254.96.16',
      onChange: (upstreams) => told.push(namesOf(upstreams)),
    })
    directory.set(zoneService('shop/web', [['http', 80]]))
    directory.set(service)
    directory.setEndpoints(dns, [
      zoneEndpoint('10.1.0.2', { port: 53 }),
      zoneEndpoint('169.254.96.16', { port: 53 }),
    ])
    directory.delete('kube-system', 'kube-dns')
    directory.set({ ...service, clusterIps: ['10.96.0.20'] })

    const expected = [['10.96.0.10:53'], ['10.96.0.10:53', '10.1.0.2:53'], [], ['10.96.0.20:53']]
    expect(told.map((names) => names.join())).toEqual(expected.map((names) => names.join()))
    expect(logger.lines.map(({ level }) => level)).toEqual(['info', 'info', 'warn', 'info'])

    following[Symbol.dispose]()
    directory.delete('kube-system', 'kube-dns')
    expect(told).toHaveLength(4)
  })
})

const CLUSTER = {
  'web.shop.svc.cluster.local': ['10.96.0.77'],
  'other.shop.svc.cluster.local': ['10.96.0.78'],
}
const web = queryOf('web.shop.svc.cluster.local')

describe('cache mode', () => {
  it("asks the cluster's DNS for the names of the cluster, once for a while, and others elsewhere", async () => {
    await using cluster = await FakeUpstream.start(resolving(CLUSTER))
    await using others = await FakeUpstream.start(resolving({}))
    await using dns = await startServer({
      upstreams: [others],
      cacheBytes: 1_000_000,
      clusterDns: { ...DEFAULTS, cacheMode: true, upstreams: [cluster.name] },
    })
    for (let n = 0; n < 2; n++) expect(answersIn(await askOneUdp(dns.address, web))).toEqual(['10.96.0.77'])
    const absent = await askOneUdp(dns.address, queryOf('nope.shop.svc.cluster.local'))
    expect(rcodeIn(absent)).toBe(RCODE.NXDOMAIN)
    // An address that the directory knows, and one that it does not.
    await askOneUdp(dns.address, queryOf('1.0.96.10.in-addr.arpa', 'PTR'))
    await askOneUdp(dns.address, queryOf('9.0.96.10.in-addr.arpa', 'PTR'))

    expect(namesIn(cluster.received)).toEqual([
      'web.shop.svc.cluster.local',
      'nope.shop.svc.cluster.local',
      '1.0.96.10.in-addr.arpa PTR',
    ])
    expect(namesIn(others.received)).toEqual(['9.0.96.10.in-addr.arpa PTR'])
  })

  it('keeps answers for no longer than it is told', async () => {
    await using cluster = await FakeUpstream.start(resolving(CLUSTER))
    await using dns = await startServer({
      cacheBytes: 1_000_000,
      clusterDns: { ...DEFAULTS, cacheMode: true, upstreams: [cluster.name], maxTtlSeconds: 7 },
    })

    expect(ttlsIn(await askOneUdp(dns.address, web))).toEqual([7])
  })

  it("finds the cluster's DNS by its Service, as it is at the time", async () => {
    await using first = await FakeUpstream.start(resolving(CLUSTER))
    await using second = await FakeUpstream.start(resolving({ 'web.shop.svc.cluster.local': ['10.96.0.99'] }))
    await using dns = await startServer({ clusterDns: { ...DEFAULTS, cacheMode: true } })
    const before = await askOneUdp(dns.address, web)
    expect(rcodeIn(before)).toBe(RCODE.SERVFAIL)
    const missing = {
      level: 'warn',
      message: "the cluster's DNS is not found, its names can not be answered",
    }
    expect(dns.deps.logger.lines).toContainEqual(expect.objectContaining(missing))

    for (const [upstream, ip] of [
      [first, '10.96.0.77'],
      [second, '10.96.0.99'],
    ] as const) {
      const ports: readonly PortText[] = [['dns', upstream.port, 'UDP']]
      const clusterIps = ['127.0.0.1']
      dns.services.set(zoneService('kube-system/kube-dns', ports, { clusterIps, headless: false }))
      expect(answersIn(await askOneUdp(dns.address, web))).toEqual([ip])
    }
  })

  it('gives stale answers while the DNS of the cluster is away', async () => {
    await using cluster = await FakeUpstream.start(resolving(CLUSTER))
    await using dns = await startServer({
      cacheBytes: 1_000_000,
      upstreamTimeoutMs: 50,
      staleAnswerTimeoutMs: 20,
      clusterDns: { ...DEFAULTS, cacheMode: true, upstreams: [cluster.name], maxTtlSeconds: 1 },
    })
    await askOneUdp(dns.address, web)
    cluster.behaviour = () => []

    await vi.waitFor(async () => {
      const answer = await askOneUdp(dns.address, web)
      expect([answersIn(answer), ttlsIn(answer)]).toEqual([['10.96.0.77'], [30]])
    }, 10_000)
  })
})
