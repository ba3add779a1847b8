import {
  formatServicePortName,
  formatVirtualServicePortName,
  INTERCEPT_ANNOTATION,
  type NodeName,
  type ServicePortName,
} from '@edgeway/core'
import {
  FakeNodeDirectory,
  FakeServiceDirectory,
  nodeOf,
  type ServiceDirectoryUnderTest,
  serviceDirectoryContract,
  serviceOf,
} from '@edgeway/testbed'
import { afterEach, describe, expect, it, vi } from 'vitest'
import {
  FakeStore,
  HeadlessCluster,
  headlessService,
  PG,
  peerAt,
} from '../../test/support/headless-cluster.ts'
import { labelOf } from './address-key.ts'

const LOCAL = peerAt('db-0@edge-1/10.1.0.1:5432')
/** On another site, where its address is the one of db-0 here. */
const FAR = peerAt('db-1@edge-2/10.1.0.1:5432')
const VIRTUAL = /^240\.240\.\d+\.\d+$/

afterEach(() => void vi.useRealTimers())

function virtual(label: string, of: ServicePortName = PG): ServicePortName {
  return formatVirtualServicePortName(of, label)
}

function make(view: 'services' | 'names'): ServiceDirectoryUnderTest {
  const cluster = new HeadlessCluster({ loaded: false })
  return {
    directory: cluster.virtual[view],
    set: (service, endpoints) => cluster.directory.set(service, endpoints),
    delete: (namespace, name) => cluster.directory.delete(namespace, name),
    load: () => cluster.directory.load(),
  }
}

describe.each(['services', 'names'] as const)('the directory of %s', (view) => {
  it.each(serviceDirectoryContract(() => make(view)))('$title', async ({ run }) => await run())
})

describe('names of a headless Service', () => {
  it('stand for virtual addresses of endpoints on other sites, and for the own ones of all others', () => {
    using cluster = new HeadlessCluster()
    cluster.nodes.set(nodeOf('edge-1', { routedNetwork: 'lan' }))
    cluster.nodes.set(nodeOf('edge-3', { routedNetwork: 'lan' }))
    const routed = peerAt('db-2@edge-3/10.1.0.3:5432')
    const outside = peerAt('@/192.0.2.1:5432', { node: undefined })
    cluster.directory.set(headlessService(), [LOCAL, FAR, routed, outside])

    const [own, far, ...others] = cluster.named()
    expect([own, ...others]).toEqual(['db-0 10.1.0.1', 'db-2 10.1.0.3', 'undefined 192.0.2.1'])
    expect(far?.split(' ')).toEqual(['db-1', expect.stringMatching(VIRTUAL)])
  })

  it('stand for addresses of the same family', () => {
    using cluster = new HeadlessCluster()
    cluster.directory.set(headlessService(), [FAR, peerAt('db-1@edge-2/fd00::7:5432')])
    const [four, six] = cluster.virtual.names.endpoints(PG).map(({ ip }) => ip)
    expect(four).toMatch(VIRTUAL)
    expect(six).toMatch(/^fd00:e:1::/)
    expect(cluster.virtualPorts).toEqual(['shop/db:pg@db-1', 'shop/db:pg@db-1/IPv6'])
  })

  it.each([
    ['is left to another proxy', headlessService({ ports: [{ ...portOf(), proxied: false }] })],
    ['is not intercepted', headlessService({ annotations: { [INTERCEPT_ANNOTATION]: 'false' } })],
    ['has a ClusterIP', serviceOf('shop/db:pg', '10.96.0.1', 5432)],
  ])('stand for the own addresses where the Service %s', (_what, service) => {
    using cluster = new HeadlessCluster()
    cluster.directory.set(service, [FAR])
    expect(cluster.named()).toEqual(['db-1 10.1.0.1'])
    expect(cluster.virtualPorts).toEqual([])
    expect(cluster.store.rows.size).toBe(0)
  })

  it('stand for the own addresses in a family for which virtual ones are off', () => {
    using cluster = new HeadlessCluster({ ipv4: 'off' })
    cluster.directory.set(headlessService(), [FAR])
    expect(cluster.named()).toEqual(['db-1 10.1.0.1'])
    expect(cluster.warnings).toEqual([])
  })

  it('keep the same array while nothing changes, and have a new one when something does', () => {
    using cluster = new HeadlessCluster()
    cluster.directory.set(headlessService(), [LOCAL, FAR])
    const before = cluster.virtual.names.endpoints(PG)
    cluster.directory.set(headlessService(), [LOCAL, FAR])
    expect(cluster.virtual.names.endpoints(PG)).toBe(before)
    cluster.directory.setEndpoints(PG, [FAR])
    expect(cluster.virtual.names.endpoints(PG)).not.toBe(before)
    expect(before).toHaveLength(2)
  })

  it('stand for another address once a node is on another network, which is told of', () => {
    using cluster = new HeadlessCluster()
    for (const name of ['edge-1', 'edge-2']) cluster.nodes.set(nodeOf(name))
    cluster.directory.set(headlessService(), [LOCAL, FAR])
    const ip = cluster.addressOf('db-1')
    const told = cluster.changes()

    cluster.nodes.set(nodeOf('edge-2', { routedNetwork: 'lan' }))
    expect(told).toEqual({ services: [], names: [] })
    cluster.nodes.set(nodeOf('edge-1', { routedNetwork: 'lan' }))
    expect(cluster.named()).toEqual(['db-0 10.1.0.1', 'db-1 10.1.0.1'])
    expect(told).toEqual({ services: [], names: [PG] })
    // Who has the old answer calls on.
    expect(cluster.virtual.services.lookup(ip, 5432, 'TCP')?.name).toBe(virtual('db-1'))

    cluster.nodes.delete('edge-2' as NodeName)
    expect(cluster.addressOf('db-1')).toBe(ip)
    expect(told.names).toEqual([PG, PG])
    cluster.nodes.set(nodeOf('edge-1', { routedNetwork: 'lan', labels: { a: 'b' } }))
    expect(told.names).toEqual([PG, PG])
  })

  it('stand for what is known of by then, where the directory was filled before', () => {
    const directory = new FakeServiceDirectory()
    directory.set(headlessService(), [LOCAL, FAR])
    const nodes = new FakeNodeDirectory(
      ['edge-1', 'edge-3'].map((name) => nodeOf(name, { routedNetwork: 'lan' })),
    )
    using cluster = new HeadlessCluster({ directory, nodes })
    expect(cluster.addressOf('db-1')).toMatch(VIRTUAL)
    nodes.set(nodeOf('edge-2', { routedNetwork: 'lan' }))
    expect(cluster.named()).toEqual(['db-0 10.1.0.1', 'db-1 10.1.0.1'])
  })
})

describe('a virtual ServicePort', () => {
  it('leads to one endpoint, at the port where that listens, in all ways of asking', () => {
    using cluster = new HeadlessCluster()
    const far = peerAt('db-1@edge-2/10.1.0.1:15432')
    cluster.directory.set(headlessService(), [LOCAL, far, peerAt('db-2@edge-2/10.1.0.2:15432')])
    const { services } = cluster.virtual
    const ip = cluster.addressOf('db-1')
    const name = virtual('db-1')

    const port = services.lookup(ip, 15_432, 'TCP')
    expect(port).toMatchObject({ name, port: 15_432, clusterIps: [ip], externalIps: [], proxied: true })
    expect(services.servicePort(name)).toBe(port)
    expect([...services.servicePorts()]).toContain(port)
    expect(services.endpoints(name)).toEqual([far])
    expect(services.serviceOf(name)).toMatchObject({ ports: [port], headless: false, clusterIps: [ip] })
    expect(services.lookup(ip, 5432, 'TCP')).toBeUndefined()
    expect(services.lookup(ip, 15_432, 'UDP')).toBeUndefined()
    expect(cluster.virtualPorts).toEqual(['shop/db:pg@db-1', 'shop/db:pg@db-2'])
    expect([...cluster.virtual.names.servicePorts()].map((one) => one.name)).toEqual([PG])
  })

  it('is for UDP where the Service is', () => {
    using cluster = new HeadlessCluster()
    cluster.directory.set(headlessService({}, 'UDP'), [{ ...FAR, protocol: 'UDP' }])
    expect(cluster.virtual.services.lookup(cluster.addressOf('db-1'), 5432, 'UDP')?.name).toBe(
      virtual('db-1'),
    )
  })

  it('leaves what other nodes ask for as it is', () => {
    using cluster = new HeadlessCluster()
    cluster.directory.set(headlessService(), [LOCAL, FAR])
    const { services } = cluster.virtual
    expect([LOCAL, FAR].map((endpoint) => services.hasEndpoint(endpoint))).toEqual([true, true])
    expect(services.hasEndpoint({ ...FAR, ip: cluster.addressOf('db-1') })).toBe(false)
  })

  it('has the wishes that matter for one endpoint, and no others', () => {
    using cluster = new HeadlessCluster()
    const connectionPool = { maxConnections: 3 } as never
    const kept = {
      'edgeway.io/forwarding': 'agent',
      'edgeway.io/health-check': 'tcp',
      'edgeway.io/proxy-protocol': 'v2',
      'edgeway.io/protocol': 'http',
      'edgeway.io/request-timeout': '10s',
      'edgeway.io/per-try-timeout': '2s',
      'edgeway.io/retries': '2',
      'edgeway.io/retry-on': '503',
      'edgeway.io/forwarded-headers': 'forwarded',
      'apps.kubeedge.io/service-topology': 'range-nodegroup',
    }
    const annotations = {
      ...kept,
      'edgeway.io/topology': 'node',
      'edgeway.io/balancing': 'round-robin',
      'edgeway.io/hash-header': 'x-user',
      'edgeway.io/hash-cookie': 'stick',
      'edgeway.io/max-error-percent': '50',
      'edgeway.io/weights': 'edge-2=7',
    }
    const outlierDetection = {
      consecutiveFailures: 3,
      baseEjectionMs: undefined,
      maxEjectionPercent: undefined,
      consecutive5xx: 3,
      consecutiveGatewayErrors: 3,
    }
    const service = headlessService({
      annotations,
      clientIpAffinitySeconds: 60,
      internalTrafficPolicy: 'Local',
      externalTrafficPolicy: 'Local',
      trafficDistribution: 'PreferSameNode',
      destinationPolicy: { balancing: { kind: 'random' }, connectionPool, outlierDetection },
    })
    cluster.directory.set(service, [FAR])
    expect(cluster.virtual.services.serviceOf(virtual('db-1'))).toMatchObject({
      annotations: kept,
      clientIpAffinitySeconds: undefined,
      internalTrafficPolicy: 'Cluster',
      externalTrafficPolicy: 'Cluster',
      trafficDistribution: undefined,
      destinationPolicy: {
        balancing: undefined,
        connectionPool,
        outlierDetection: {
          consecutiveFailures: 3,
          consecutive5xx: undefined,
          consecutiveGatewayErrors: undefined,
        },
      },
    })
  })

  it('does not carry an annotation that is not understood, which is told of the Service itself', () => {
    using cluster = new HeadlessCluster()
    cluster.directory.set(headlessService({ annotations: { 'edgeway.io/health-check': 'ping' } }), [FAR])
    expect(cluster.virtual.services.serviceOf(virtual('db-1'))?.annotations).toEqual({})
  })

  it('leads to peers that are not ready, where the Service publishes those', () => {
    using cluster = new HeadlessCluster()
    const starting = { ...FAR, ready: false, serving: false }
    const ready = (): unknown => cluster.virtual.services.endpoints(virtual('db-1')).map((one) => one.ready)
    cluster.directory.set(headlessService(), [starting])
    expect(ready()).toEqual([false])
    cluster.directory.set(headlessService({ publishNotReadyAddresses: true }), [starting])
    expect(ready()).toEqual([true])
  })

  it('leads to the pod that stays, while another of its name ends', () => {
    using cluster = new HeadlessCluster()
    const [old, young] = [
      { ...FAR, terminating: true },
      { ...FAR, ip: '10.1.0.9' },
    ]
    cluster.directory.set(headlessService({ publishNotReadyAddresses: true }), [old])
    const ip = cluster.addressOf('db-1')
    for (const endpoints of [
      [old, young],
      [young, old],
    ]) {
      cluster.directory.setEndpoints(PG, endpoints)
      expect(cluster.virtual.services.endpoints(virtual('db-1'))).toEqual([young])
    }
    cluster.directory.setEndpoints(PG, [young])
    expect(cluster.addressOf('db-1')).toBe(ip)
  })

  it('leads to the far one of two pods with one name: the other is called by its own address', () => {
    using cluster = new HeadlessCluster()
    cluster.directory.set(headlessService(), [peerAt('db-1@edge-1/10.1.0.4:5432'), FAR])
    expect(cluster.virtual.services.endpoints(virtual('db-1'))).toEqual([FAR])
  })

  it('is there without endpoint while who had the name is gone, and gone with the Service', () => {
    using cluster = new HeadlessCluster()
    cluster.directory.set(headlessService(), [LOCAL, FAR])
    const ip = cluster.addressOf('db-1')
    const told = cluster.changes()
    const { services } = cluster.virtual

    cluster.directory.setEndpoints(PG, [LOCAL])
    expect(services.lookup(ip, 5432, 'TCP')?.name).toBe(virtual('db-1'))
    expect(services.endpoints(virtual('db-1'))).toEqual([])
    expect(cluster.named()).toEqual(['db-0 10.1.0.1'])
    cluster.directory.setEndpoints(PG, [LOCAL, { ...FAR, node: 'edge-3' as NodeName, ip: '10.1.0.7' }])
    expect(cluster.addressOf('db-1')).toBe(ip)
    expect(services.endpoints(virtual('db-1'))).toMatchObject([{ node: 'edge-3', ip: '10.1.0.7' }])
    cluster.directory.delete('shop', 'db')
    expect(services.lookup(ip, 5432, 'TCP')).toBeUndefined()
    expect(cluster.virtualPorts).toEqual([])
    expect(told.services).toEqual([PG, virtual('db-1'), PG, virtual('db-1'), PG, virtual('db-1')])
  })

  it('goes with a pod that has no name to come back under', () => {
    using cluster = new HeadlessCluster()
    const pod = { namespace: 'shop', name: 'db-7c9f', uid: 'u1' }
    cluster.directory.set(headlessService(), [peerAt('@edge-2/10.1.0.1:5432', { pod })])
    expect(cluster.virtualPorts).toEqual(['shop/db:pg@pod/db-7c9f'])
    cluster.directory.setEndpoints(PG, [])
    expect(cluster.virtualPorts).toEqual([])
  })

  it('is told of when it changes, and only then', () => {
    using cluster = new HeadlessCluster()
    const other = formatServicePortName('shop', 'web', 'http')
    const told = cluster.changes()
    cluster.directory.set(headlessService(), [LOCAL, FAR])
    expect(told.services).toEqual([PG, virtual('db-1')])

    cluster.directory.setEndpoints(PG, [{ ...LOCAL, ready: false }, FAR])
    cluster.directory.set(serviceOf('shop/web:http', '10.96.0.1', 80), [])
    expect(told.services.slice(2)).toEqual([PG, other])
    cluster.directory.setEndpoints(PG, [LOCAL, { ...FAR, ready: false }])
    expect(told.services.slice(4)).toEqual([PG, virtual('db-1')])
    expect(told.names).toEqual([PG, PG, other, PG])
  })

  it('loses its address to no external IP, but to a ClusterIP', () => {
    using cluster = new HeadlessCluster()
    cluster.directory.set(headlessService(), [FAR])
    const ip = cluster.addressOf('db-1')
    const owner = (): unknown => cluster.virtual.services.lookup(ip, 5432, 'TCP')?.name
    const thief = serviceOf('shop/thief:pg', '10.96.0.9', 5432)
    cluster.directory.set({ ...thief, ports: thief.ports.map((port) => ({ ...port, externalIps: [ip] })) })
    expect(owner()).toBe(virtual('db-1'))
    cluster.directory.set(serviceOf('shop/other:pg', ip, 5432))
    expect(owner()).toBe('shop/other:pg')
  })
})

describe('a virtual address', () => {
  it('is the same after a restart, with the store and without it', () => {
    const store = new FakeStore()
    const start = (kept: FakeStore): string => {
      using cluster = new HeadlessCluster({ store: kept })
      cluster.directory.set(headlessService(), [LOCAL, FAR])
      return cluster.addressOf('db-1')
    }
    const before = start(store)
    expect([start(store), start(new FakeStore())]).toEqual([before, before])
    expect([...store.rows]).toEqual([['shop/db@db-1 IPv4', { ip: before }]])
  })

  it('is the stored one, even where the hash gives another', () => {
    const store = new FakeStore()
    store.rows.set('shop/db@db-1 IPv4', { ip: '240.240.7.7' })
    using cluster = new HeadlessCluster({ store })
    cluster.directory.set(headlessService(), [FAR])
    expect(cluster.addressOf('db-1')).toBe('240.240.7.7')
    expect(store.notes).toBe(0)
  })

  it('is not of a stored entry that can not be read, or of another range', () => {
    const store = new FakeStore()
    for (const [key, value] of [
      ['shop/db@db-1 IPv4', { ip: 7 }],
      ['shop/db@db-2 IPv4', null],
      ['shop/db@db-3 IPv4', { ip: '240.240.0.9', unusedSince: 'yesterday' }],
      ['nonsense', { ip: '240.240.0.9' }],
      ['shop/db@db-4 IPv4', { ip: '10.9.9.9' }],
      ['shop/db@db-5 IPv6', { ip: '240.240.0.9' }],
    ] as const)
      store.rows.set(key, value)
    using cluster = new HeadlessCluster({ store })
    expect(cluster.logger.lines).toMatchObject([
      { message: 'stored virtual addresses can not be read, they are left out', fields: { entries: 4 } },
    ])
    expect(store.rows.size).toBe(0)
  })

  it('costs no write while nothing changes', () => {
    using cluster = new HeadlessCluster()
    cluster.directory.set(headlessService(), [FAR])
    const { notes } = cluster.store
    cluster.directory.setEndpoints(PG, [{ ...FAR, ip: '10.1.0.5' }])
    cluster.directory.set(headlessService(), [FAR])
    expect(cluster.store.notes).toBe(notes)
  })

  it('is kept for who is gone, and counted', () => {
    using cluster = new HeadlessCluster()
    const count = (state: string): number =>
      cluster.metrics.value('edgeway_metadata_virtual_addresses', { family: 'IPv4', state })
    cluster.directory.set(headlessService(), [FAR])
    expect([count('used'), count('unused')]).toEqual([1, 0])
    cluster.directory.delete('shop', 'db')
    expect([count('used'), count('unused')]).toEqual([0, 1])
    expect(cluster.virtual.status.IPv4).toEqual({ range: '240.240.0.0/16', used: 0, unused: 1, lacking: 0 })
    expect([...cluster.store.rows.values()]).toMatchObject([{ unusedSince: expect.any(Number) }])
  })

  it('is lacking where all are in use: such endpoints keep their own, which is said once', () => {
    using cluster = new HeadlessCluster({ ipv4: '240.240.0.0/30' })
    const peers = [1, 2, 3, 4].map((index) => peerAt(`db-${index}@edge-2/10.1.0.${index}:5432`))
    cluster.directory.set(headlessService(), peers)
    expect(cluster.named().map((text) => VIRTUAL.test(text.split(' ')[1] ?? ''))).toEqual([
      true,
      true,
      false,
      false,
    ])
    expect(cluster.virtualPorts).toHaveLength(2)
    expect(cluster.warnings).toEqual(['all virtual addresses are in use, further endpoints keep their own'])
    expect(
      cluster.metrics.value('edgeway_metadata_virtual_addresses', { family: 'IPv4', state: 'lacking' }),
    ).toBe(2)

    cluster.directory.setEndpoints(PG, peers.slice(2))
    expect(cluster.named().every((text) => VIRTUAL.test(text.split(' ')[1] ?? ''))).toBe(true)
    // Those who are gone lost their addresses, and are not called by them any more.
    expect(cluster.virtualPorts).toEqual([virtual('db-3'), virtual('db-4')])
    expect(cluster.warnings).toHaveLength(1)
  })

  it('goes from who is gone to another Service where there is no other, with all that called by it', () => {
    using cluster = new HeadlessCluster({ ipv4: '240.240.0.0/30' })
    cluster.directory.set(headlessService(), [FAR])
    cluster.directory.setEndpoints(PG, [])
    const told = cluster.changes()
    const name = formatServicePortName('shop', 'cache', 'pg')
    const ports = [{ ...portOf(), name }]
    cluster.directory.set(headlessService({ name: 'cache', ports }), [
      peerAt('cache-0@edge-2/10.1.0.1:5432'),
      peerAt('cache-1@edge-2/10.1.0.2:5432'),
    ])
    const taken = [virtual('cache-0', name), virtual('cache-1', name)]
    expect(cluster.virtualPorts).toEqual(taken)
    expect(told.services.toSorted()).toEqual([name, ...taken, virtual('db-1')].toSorted())
  })

  it('is freed when it was not used for long, once it is known who is there', async () => {
    vi.useFakeTimers()
    const store = new FakeStore()
    store.rows.set('shop/db@db-2 IPv4', { ip: '240.240.0.9', unusedSince: 1 })
    using cluster = new HeadlessCluster({ store, loaded: false, retentionSeconds: 60 })
    cluster.directory.set(headlessService(), [FAR])
    cluster.directory.setEndpoints(PG, [])
    const keys = (): unknown => [...store.rows.keys()]
    await vi.advanceTimersByTimeAsync(120_000)
    expect(keys()).toEqual(['shop/db@db-2 IPv4', 'shop/db@db-1 IPv4'])

    cluster.directory.setEndpoints(PG, [FAR])
    cluster.directory.load()
    await vi.advanceTimersByTimeAsync(0)
    expect(keys()).toEqual(['shop/db@db-1 IPv4'])
    cluster.directory.setEndpoints(PG, [])
    await vi.advanceTimersByTimeAsync(59_000)
    expect(cluster.virtualPorts).toEqual([virtual('db-1')])
    const told = cluster.changes()
    await vi.advanceTimersByTimeAsync(61_000)
    expect([keys(), cluster.virtualPorts]).toEqual([[], []])
    expect(told).toEqual({ services: [virtual('db-1')], names: [] })
  })

  it('comes to who lacked one when another is freed', async () => {
    vi.useFakeTimers()
    const store = new FakeStore()
    using cluster = new HeadlessCluster({ store, ipv4: '240.240.0.0/30', retentionSeconds: 60 })
    const peers = [1, 2, 3].map((index) => peerAt(`db-${index}@edge-2/10.1.0.${index}:5432`))
    cluster.directory.set(headlessService(), peers)
    const name = formatServicePortName('shop', 'cache', 'pg')
    const cache = headlessService({ name: 'cache', ports: [{ ...portOf(), name }] })
    cluster.directory.set(cache, [peerAt('cache-0@edge-2/10.1.0.9:5432')])
    cluster.directory.delete('shop', 'db')
    expect(cluster.addressOf('cache-0', name)).toBe('10.1.0.9')
    const told = cluster.changes()
    await vi.advanceTimersByTimeAsync(60_000)
    expect(cluster.addressOf('cache-0', name)).toMatch(VIRTUAL)
    expect(told.names).toEqual([name])
  })

  it('is of a range that the cluster must not use otherwise, which is said once', () => {
    using cluster = new HeadlessCluster()
    cluster.directory.set(serviceOf('shop/web:http', '10.96.0.1', 80), [peerAt('@edge-2/10.1.0.1:80')])
    expect(cluster.warnings).toEqual([])
    cluster.directory.set(serviceOf('shop/api:http', '10.96.0.2', 80), [peerAt('@edge-2/240.240.0.0:80')])
    cluster.directory.set(serviceOf('shop/odd:http', '240.240.9.9', 80))
    cluster.directory.set(serviceOf('shop/six:http', 'fd00:e:1::9', 80))
    expect(cluster.logger.lines.map(({ fields }) => fields['address'])).toEqual([
      '240.240.0.0',
      'fd00:e:1::9',
    ])
  })

  it('belongs to a host name, else to a pod, else to an address on a node; never two of them alike', () => {
    const pod = { namespace: 'shop', name: 'x', uid: undefined }
    const labels = [
      peerAt('x@edge-2/10.1.0.1:80', { pod }),
      peerAt('@edge-2/10.1.0.1:80', { pod }),
      peerAt('@edge-2/10.1.0.1:80'),
      peerAt('@edge-3/10.1.0.1:80'),
      peerAt('@edge-3/10.1.0.1:80', { hostname: '' }),
    ].map(labelOf)
    expect(labels).toEqual(['x', 'pod/x', 'node/edge-2/10.1.0.1', 'node/edge-3/10.1.0.1', labels[3]])
  })
})

function portOf() {
  const [port] = headlessService().ports
  if (port === undefined) throw new Error('it has a port')
  return port
}
