import { describe, expect, it, vi } from 'vitest'
import { ApiDoubleClient } from './api-double-client.ts'
import { ApiDouble } from './http/api-double.ts'
import { kindNamed } from './kinds.ts'
import { Mirror } from './mirror.ts'
import { ObjectStore } from './object-store.ts'

const PATIENCE = { timeout: 15_000, interval: 10 }

function service(name: string, clusterIP = '10.96.0.1'): unknown {
  return { apiVersion: 'v1', kind: 'Service', metadata: { namespace: 'shop', name }, spec: { clusterIP } }
}

/** A cloud that can go away and come back on the same address, and its mirror on an edge node. */
class TestEdge implements AsyncDisposable {
  readonly client: ApiDoubleClient
  readonly #mirror: Mirror
  readonly #edge: ApiDouble
  readonly #port: number
  #cloud: ApiDouble

  private constructor(cloud: ApiDouble, mirror: Mirror, edge: ApiDouble) {
    this.#cloud = cloud
    this.#port = cloud.port
    this.#mirror = mirror
    this.#edge = edge
    this.client = new ApiDoubleClient(edge.url)
  }

  static async start(store = new ObjectStore({ admission: false })): Promise<TestEdge> {
    const cloud = await ApiDouble.start(store)
    const mirror = Mirror.start({ upstream: cloud.url })
    return new TestEdge(cloud, mirror, await ApiDouble.start(mirror))
  }

  get cloudClient(): ApiDoubleClient {
    return new ApiDoubleClient(this.#cloud.url)
  }

  async stopCloud(): Promise<void> {
    await this.#cloud[Symbol.asyncDispose]()
  }

  /** The cloud comes back on its old address, with a given state. */
  async startCloud(store: ObjectStore): Promise<void> {
    this.#cloud = await ApiDouble.start(store, { port: this.#port })
  }

  async serviceNames(): Promise<string[]> {
    return (await this.client.list('Service')).items.map(({ metadata }) => metadata.name).sort()
  }

  async untilServicesAre(...names: readonly string[]): Promise<void> {
    await vi.waitFor(async () => expect(await this.serviceNames()).toEqual(names), PATIENCE)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#edge[Symbol.asyncDispose]()
    await this.#mirror[Symbol.asyncDispose]()
    await this.#cloud[Symbol.asyncDispose]()
  }
}

describe('a mirror', () => {
  it('serves what its upstream has, with the same identity and versions', async () => {
    await using edge = await TestEdge.start()
    const [created] = await edge.cloudClient.apply([service('web')])
    await edge.untilServicesAre('web')
    expect(await edge.client.get('Service', 'shop/web')).toEqual(created)

    await edge.cloudClient.delete('Service', 'shop/web')
    await edge.untilServicesAre()
  })

  it('goes on serving while the upstream is away, and catches up after', async () => {
    const store = new ObjectStore({ admission: false })
    await using edge = await TestEdge.start(store)
    await edge.cloudClient.apply([service('stays'), service('changes'), service('goes')])
    await edge.untilServicesAre('changes', 'goes', 'stays')

    await edge.stopCloud()
    expect(await edge.serviceNames()).toEqual(['changes', 'goes', 'stays'])

    await edge.startCloud(store)
    await edge.cloudClient.apply([service('changes', '10.96.0.2'), service('comes')])
    await edge.cloudClient.delete('Service', 'shop/goes')
    await edge.untilServicesAre('changes', 'comes', 'stays')
    expect(await edge.client.get('Service', 'shop/changes')).toMatchObject({
      spec: { clusterIP: '10.96.0.2' },
    })
  })

  it('follows an upstream whose versions start over, and tells its watchers to list again', async () => {
    await using edge = await TestEdge.start(new ObjectStore({ admission: false, firstRevision: 1_000 }))
    await edge.cloudClient.apply([service('old')])
    await edge.untilServicesAre('old')
    const { resourceVersion: since } = await edge.client.list('Service')
    const watching = { since, timeoutSeconds: 60, signal: AbortSignal.timeout(15_000) }
    const events = edge.client.watch({ kind: kindNamed('Service'), namespace: undefined }, watching)
    const told = expect(events.next()).rejects.toMatchObject({ reason: 'Expired' })

    await edge.stopCloud()
    await edge.startCloud(new ObjectStore({ admission: false }))
    await edge.cloudClient.apply([service('new')])
    await edge.untilServicesAre('new')
    await told
  })

  it('forwards writes, and fails as MetaServer does while the upstream is away', async () => {
    await using edge = await TestEdge.start()
    await edge.client.apply([service('web')])
    expect(await edge.cloudClient.get('Service', 'shop/web')).toBeDefined()
    await expect(edge.client.delete('Service', 'shop/none')).rejects.toMatchObject({ reason: 'NotFound' })

    await edge.stopCloud()
    await expect(edge.client.delete('Service', 'shop/web')).rejects.toMatchObject({
      httpCode: 500,
      message: 'connection lost between EdgeCore and CloudCore',
    })
  })

  it('says nothing about a collection before its first list', async () => {
    await using mirror = Mirror.start({ upstream: 'http://127.0.0.1:1' })
    await using edge = await ApiDouble.start(mirror)
    const answer = await fetch(`${edge.url}/api/v1/services`)
    expect(await answer.json()).toEqual({ apiVersion: 'v1', kind: 'ServiceList', items: [] })
  })
})
