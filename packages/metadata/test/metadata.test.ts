import { mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { formatServicePortName, type NodeName } from '@edgeway/core'
import { ApiDouble, ApiDoubleClient, endpointsOf, ObjectStore } from '@edgeway/testbed'
import { describe, expect, it } from 'vitest'
import { DEFAULT_METADATA_OPTIONS } from '../src/metadata.ts'
import { openDatabase, readDatabase, writeBatch } from '../src/store/database.ts'
import { headless, node, service, slice } from './support/objects.ts'
import { eventually, RunningMetadata } from './support/running-metadata.ts'

const WEB = formatServicePortName('shop', 'web', 'http')

/** An API server that can go away and come back at its address; the cluster's state outlives it. */
class TestCluster implements AsyncDisposable {
  readonly store: ObjectStore
  readonly url: string
  #double: ApiDouble

  private constructor(store: ObjectStore, double: ApiDouble) {
    this.store = store
    this.#double = double
    this.url = double.url
  }

  static async start(...objects: readonly unknown[]): Promise<TestCluster> {
    const store = new ObjectStore({ admission: false })
    const cluster = new TestCluster(store, await ApiDouble.start(store))
    await cluster.client.apply(objects)
    return cluster
  }

  get client(): ApiDoubleClient {
    return new ApiDoubleClient(this.url)
  }

  async stop(): Promise<void> {
    await this.#double[Symbol.asyncDispose]()
  }

  async restart(store = this.store): Promise<void> {
    this.#double = await ApiDouble.start(store, { port: Number(new URL(this.url).port) })
  }

  cutConnections(): void {
    this.#double.cutConnections()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }
}

describe('Metadata', () => {
  it('fills its directories and is ready then', async () => {
    await using cluster = await TestCluster.start(
      service('web', '10.96.0.1'),
      slice('web-1', 'web', ['edge-1/10.1.0.1']),
      node('edge-1', { site: 'a' }),
    )
    await using running = await RunningMetadata.start(cluster.url)
    expect(running.services.loaded).toBe(false)
    expect(running.deps.readiness.shut).toEqual(['metadata'])

    await running.services.whenLoaded(AbortSignal.timeout(15_000))
    expect(running.deps.readiness.shut).toEqual([])
    expect(running.services.lookup('10.96.0.1', 80, 'TCP')?.name).toBe(WEB)
    expect(running.services.endpoints(WEB)).toEqual(endpointsOf('edge-1/10.1.0.1:8080'))
    await eventually(() => {
      expect(running.metadata.nodes.node('edge-1' as NodeName)?.labels).toEqual({ site: 'a' })
    })
    for (const kind of ['services', 'endpointslices', 'nodes'])
      expect(running.deps.metrics.value('edgeway_metadata_objects', { kind })).toBe(1)
  })

  it('follows changes', async () => {
    await using cluster = await TestCluster.start(service('web', '10.96.0.1'), node('edge-1'))
    await using running = await RunningMetadata.start(cluster.url)
    await eventually(() => expect(running.serviceNames).toEqual(['web']))

    await cluster.client.apply([service('api', '10.96.0.2'), slice('web-1', 'web', ['edge-1/10.1.0.1'])])
    await cluster.client.delete('Node', 'edge-1')
    await eventually(() => {
      expect(running.serviceNames).toEqual(['api', 'web'])
      expect(running.services.endpoints(WEB)).toHaveLength(1)
      expect(running.metadata.nodes.node('edge-1' as NodeName)).toBeUndefined()
    })

    await cluster.client.delete('Service', 'shop/web')
    await cluster.client.apply([service('api', '10.96.0.3')])
    await eventually(() => {
      expect(running.serviceNames).toEqual(['api'])
      expect(running.services.lookup('10.96.0.3', 80, 'TCP')).toBeDefined()
    })
  })

  it('starts while its source is away, and says once that it is, and once that it answers', async () => {
    await using cluster = await TestCluster.start(service('web', '10.96.0.1'))
    await cluster.stop()
    await using running = await RunningMetadata.start(cluster.url)
    await eventually(() => {
      const failed = { kind: 'services', request: 'list', outcome: 'failed' }
      expect(running.deps.metrics.value('edgeway_metadata_requests_total', failed)).toBeGreaterThan(2)
    })
    expect(running.deps.readiness.shut).toEqual(['metadata'])

    await cluster.restart()
    await running.services.whenLoaded(AbortSignal.timeout(15_000))
    const of = { fields: { kind: 'services', component: 'metadata', source: cluster.url } }
    const away = running.lines('warn', 'source does not answer, trying again')
    expect(away.filter(({ fields }) => fields['kind'] === 'services')).toMatchObject([of])
    const back = running.lines('info', 'source answers')
    expect(back.filter(({ fields }) => fields['kind'] === 'services')).toMatchObject([of])
  })

  it('keeps what it knows while the source is away, and catches up after', async () => {
    await using cluster = await TestCluster.start(service('goes', '10.96.0.1'), service('stays', '10.96.0.2'))
    await using running = await RunningMetadata.start(cluster.url)
    await eventually(() => expect(running.serviceNames).toEqual(['goes', 'stays']))

    await cluster.stop()
    await eventually(() => {
      expect(running.lines('warn', 'source does not answer, trying again')).toHaveLength(3)
    })
    expect(running.serviceNames).toEqual(['goes', 'stays'])

    await cluster.restart()
    await cluster.client.delete('Service', 'shop/goes')
    await cluster.client.apply([service('comes', '10.96.0.3')])
    await eventually(() => expect(running.serviceNames).toEqual(['comes', 'stays']))
  })

  it('goes on after its connections were cut', async () => {
    await using cluster = await TestCluster.start(service('web', '10.96.0.1'))
    await using running = await RunningMetadata.start(cluster.url)
    await eventually(() => expect(running.serviceNames).toEqual(['web']))

    cluster.cutConnections()
    await cluster.client.apply([service('api', '10.96.0.2')])
    await eventually(() => expect(running.serviceNames).toEqual(['api', 'web']))
  })

  it('follows a cluster that was restored to lower versions', async () => {
    await using cluster = await TestCluster.start(service('old', '10.96.0.1'), service('web', '10.96.0.2'))
    for (let change = 3; change < 20; change++)
      await cluster.client.apply([service('web', `10.96.0.${change}`)])
    await using running = await RunningMetadata.start(cluster.url)
    await eventually(() => expect(running.serviceNames).toEqual(['old', 'web']))

    await cluster.stop()
    await cluster.restart(new ObjectStore({ admission: false }))
    await cluster.client.apply([service('web', '10.96.0.99')])
    await eventually(() => {
      expect(running.serviceNames).toEqual(['web'])
      expect(running.services.lookup('10.96.0.99', 80, 'TCP')).toBeDefined()
    })
  })

  it('fails the process when a listener of its directories throws', async () => {
    await using cluster = await TestCluster.start()
    await using running = await RunningMetadata.start(cluster.url)
    const defect = new Error('a defect')
    running.services.watch(() => {
      throw defect
    })
    await cluster.client.apply([service('web', '10.96.0.1')])
    await eventually(() => expect(running.deps.fatal).toEqual([defect]))
  })

  it('stops while its source is silent, twice if asked twice', async () => {
    await using cluster = await TestCluster.start()
    const running = await RunningMetadata.start(cluster.url)
    await running.services.whenLoaded(AbortSignal.timeout(15_000))
    await running[Symbol.asyncDispose]()
    await running[Symbol.asyncDispose]()
    expect(running.deps.fatal).toEqual([])
  })

  it('goes on after a restart from what it stored, while its source is away', async () => {
    await using folder = await mkdtempDisposable(join(tmpdir(), 'edgeway-metadata-'))
    const storeFile = join(folder.path, 'edgeway.db')
    await using cluster = await TestCluster.start(
      service('web', '10.96.0.1'),
      slice('web-1', 'web', ['edge-1/10.1.0.1']),
    )
    const first = await RunningMetadata.start(cluster.url, { storeFile })
    await first.services.whenLoaded(AbortSignal.timeout(15_000))
    await first[Symbol.asyncDispose]()
    await cluster.stop()

    await using second = await RunningMetadata.start(cluster.url, { storeFile })
    expect(second.services.loaded).toBe(true)
    expect(second.deps.readiness.shut).toEqual([])
    expect(second.services.endpoints(WEB)).toMatchObject([{ node: 'edge-1', ip: '10.1.0.1' }])
    expect(second.deps.metrics.value('edgeway_metadata_objects', { kind: 'services' })).toBe(1)

    await cluster.restart()
    await cluster.client.delete('Service', 'shop/web')
    await eventually(() => expect(second.services.servicePort(WEB)).toBeUndefined())
  })

  it('gives an endpoint of a headless Service on another site an address, which it has again after a restart', async () => {
    await using folder = await mkdtempDisposable(join(tmpdir(), 'edgeway-metadata-'))
    const storeFile = join(folder.path, 'edgeway.db')
    const far = slice('web-1', 'web', ['edge-2/10.1.0.1'])
    await using cluster = await TestCluster.start(headless('web'), far)
    const namedIp = ({ metadata }: RunningMetadata): unknown => metadata.names.endpoints(WEB)[0]?.ip
    const first = await RunningMetadata.start(cluster.url, { storeFile })
    await first.services.whenLoaded(AbortSignal.timeout(15_000))
    const ip = namedIp(first)
    expect(ip).toMatch(/^240\.240\./)
    expect(first.services.lookup(String(ip), 8080, 'TCP')).toBeDefined()
    expect(
      first.services.hasEndpoint({ node: 'edge-2' as NodeName, ip: '10.1.0.1', port: 8080, protocol: 'TCP' }),
    ).toBe(true)
    await first[Symbol.asyncDispose]()
    await cluster.stop()
    moveLease(storeFile, '240.240.77.7')

    await using second = await RunningMetadata.start(cluster.url, { storeFile })
    expect(namedIp(second)).toBe('240.240.77.7')
    expect(second.deps.status.read('metadata')).toMatchObject({
      virtualAddresses: { IPv4: { range: '240.240.0.0/16', used: 1, unused: 0, lacking: 0 } },
    })
  })

  it('does not start with a range that no virtual address can be of', async () => {
    const virtualAddresses = { ...DEFAULT_METADATA_OPTIONS.virtualAddresses, ipv4: '127.0.0.0/8' }
    await expect(RunningMetadata.start('http://127.0.0.1:1', { virtualAddresses })).rejects.toThrow(
      'virtualAddresses.ipv4: expected an IPv4 range that pods can call, e.g. 240.240.0.0/16, or off, found "127.0.0.0/8"',
    )
  })
})

/** Gives the only endpoint with a virtual address another one, which its hash would not. */
function moveLease(storeFile: string, ip: string): void {
  const database = openDatabase(storeFile)
  const { objects } = readDatabase(database)
  const put = objects.filter(({ kind }) => kind === 'virtualaddresses')
  expect(put).toHaveLength(1)
  const moved = put.map((row) => ({ ...row, value: JSON.stringify({ ip }) }))
  writeBatch(database, { put: moved, deleted: [], listed: [] })
  database.close()
}
