import { describe, expect, it } from 'vitest'
import { ApiDoubleClient } from '../api-double-client.ts'
import type { WatchEvent } from '../api-object.ts'
import { type KindName, kindNamed } from '../kinds.ts'
import { ObjectStore } from '../object-store.ts'
import { ApiDouble } from './api-double.ts'

const WEB = `
apiVersion: v1
kind: Service
metadata: { namespace: shop, name: web }
spec: { clusterIP: 10.96.0.1, ports: [{ port: 80 }] }
`

function service(namespace: string, name: string, clusterIP = '10.96.0.9'): unknown {
  return { apiVersion: 'v1', kind: 'Service', metadata: { namespace, name }, spec: { clusterIP } }
}

class TestCluster implements AsyncDisposable {
  readonly store: ObjectStore
  readonly double: ApiDouble
  readonly client: ApiDoubleClient

  private constructor(store: ObjectStore, double: ApiDouble) {
    this.store = store
    this.double = double
    this.client = new ApiDoubleClient(double.url)
  }

  static async start(store = new ObjectStore({ admission: false })): Promise<TestCluster> {
    return new TestCluster(store, await ApiDouble.start(store))
  }

  /** The next `count` events of a watch, as `TYPE name`. */
  async events(
    count: number,
    from: { kind?: KindName; since?: string | undefined; namespace?: string },
  ): Promise<string[]> {
    const collection = { kind: kindNamed(from.kind ?? 'Service'), namespace: from.namespace }
    const signal = AbortSignal.timeout(10_000)
    const seen: string[] = []
    const watch = this.client.watch(collection, { since: from.since, timeoutSeconds: 10, signal })
    for await (const { type, object } of watch) {
      seen.push(`${type} ${object.metadata.name}`)
      if (seen.length === count) break
    }
    return seen
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.double[Symbol.asyncDispose]()
  }
}

describe('objects', () => {
  it('get a uid, a creation time and a resourceVersion when they are created', async () => {
    await using cluster = await TestCluster.start()
    await cluster.client.apply(WEB)

    expect(await cluster.client.get('Service', 'shop/web')).toMatchObject({
      apiVersion: 'v1',
      kind: 'Service',
      metadata: {
        namespace: 'shop',
        name: 'web',
        uid: expect.stringMatching(/^[0-9a-f-]{36}$/),
        resourceVersion: '1',
        creationTimestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/),
      },
      spec: { clusterIP: '10.96.0.1', ports: [{ port: 80 }] },
    })
  })

  it('keep uid and creation time when they are replaced, and get a new one when created again', async () => {
    await using cluster = await TestCluster.start()
    const [created] = await cluster.client.apply([service('shop', 'web')])
    const [replaced] = await cluster.client.apply([service('shop', 'web', '10.96.0.2')])
    expect(replaced?.metadata).toEqual({ ...created?.metadata, resourceVersion: '2' })

    await cluster.client.delete('Service', 'shop/web')
    const [again] = await cluster.client.apply([service('shop', 'web')])
    expect(again?.metadata.uid).not.toBe(created?.metadata.uid)
    expect(again?.metadata.resourceVersion).toBe('4')
  })

  it('keep their resourceVersion when a replacement changes nothing', async () => {
    await using cluster = await TestCluster.start()
    await cluster.client.apply(WEB)
    const [same] = await cluster.client.apply(WEB)
    expect(same?.metadata.resourceVersion).toBe('1')
  })

  it('are listed by namespace and over the whole cluster, with the version of the whole cluster', async () => {
    await using cluster = await TestCluster.start()
    await cluster.client.apply([service('shop', 'web'), service('hq', 'orders')])
    await cluster.client.apply([{ apiVersion: 'v1', kind: 'Node', metadata: { name: 'edge-1' } }])

    const names = async (namespace?: string): Promise<string[]> =>
      (await cluster.client.list('Service', namespace)).items.map(({ metadata }) => metadata.name)
    expect(await names()).toEqual(['orders', 'web'])
    expect(await names('hq')).toEqual(['orders'])
    expect(await cluster.client.list('Node')).toMatchObject({ resourceVersion: '3', items: [{}] })
  })
})

describe('failed requests answer with a Status', () => {
  it.each([
    ['GET', '/api/v1/namespaces/shop/services/none', undefined, 404, 'NotFound'],
    ['GET', '/api/v1/gateways', undefined, 404, 'NotFound'],
    ['GET', '/apis/discovery.k8s.io/v1/services', undefined, 404, 'NotFound'],
    ['GET', '/api/v1/services?labelSelector=%3D%3D', undefined, 400, 'BadRequest'],
    ['GET', '/api/v1/services?watch=1&resourceVersion=abc', undefined, 400, 'BadRequest'],
    ['PATCH', '/api/v1/namespaces/shop/services/web', '{}', 415, 'UnsupportedMediaType'],
    ['POST', '/api/v1/namespaces/shop/services', '{"kind":', 400, 'BadRequest'],
    ['POST', '/api/v1/namespaces/shop/services', JSON.stringify(service('hq', 'x')), 400, 'BadRequest'],
    ['POST', '/api/v1/services', JSON.stringify(service('shop', 'x')), 405, 'MethodNotAllowed'],
    [
      'POST',
      '/api/v1/namespaces/shop/services',
      JSON.stringify(service('shop', 'web')),
      409,
      'AlreadyExists',
    ],
    [
      'PUT',
      '/api/v1/namespaces/shop/services/none',
      JSON.stringify(service('shop', 'none')),
      404,
      'NotFound',
    ],
  ])('%s %s', async (...[method, path, body, code, reason]) => {
    await using cluster = await TestCluster.start()
    await cluster.client.apply([service('shop', 'web')])

    const response = await fetch(`${cluster.double.url}${path}`, { method, body: body ?? null })
    expect(response.status).toBe(code)
    expect(await response.json()).toMatchObject({ kind: 'Status', status: 'Failure', code, reason })
  })

  it('a replacement that names an outdated resourceVersion or another uid conflicts', async () => {
    await using cluster = await TestCluster.start()
    const [first] = await cluster.client.apply([service('shop', 'web')])
    await cluster.client.apply([service('shop', 'web', '10.96.0.2')])

    await expect(cluster.client.apply([{ ...first, spec: {} }])).rejects.toMatchObject({ reason: 'Conflict' })
    const stranger = {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { namespace: 'shop', name: 'web', uid: 'x' },
    }
    await expect(cluster.client.apply([stranger])).rejects.toMatchObject({ reason: 'Conflict' })
  })
})

describe('a watch', () => {
  it('replays what happened since its version, then goes on with what happens', async () => {
    await using cluster = await TestCluster.start()
    await cluster.client.apply([service('shop', 'before')])
    const { resourceVersion: since } = await cluster.client.list('Service')
    await cluster.client.apply([service('shop', 'web')])

    const events = cluster.events(4, { since })
    await cluster.client.apply([service('shop', 'web', '10.96.0.2')])
    await cluster.client.delete('Service', 'shop/web')
    await cluster.client.apply([service('shop', 'after')])
    expect(await events).toEqual(['ADDED web', 'MODIFIED web', 'DELETED web', 'ADDED after'])
  })

  it('starts with all objects when it names no version, or 0', async () => {
    await using cluster = await TestCluster.start()
    await cluster.client.apply([service('shop', 'a'), service('shop', 'b', '10.96.0.2')])
    expect(await cluster.events(2, {})).toEqual(['ADDED a', 'ADDED b'])
    expect(await cluster.events(2, { since: '0' })).toEqual(['ADDED a', 'ADDED b'])
  })

  it('sees only its own kind and namespace', async () => {
    await using cluster = await TestCluster.start()
    await cluster.client.apply([{ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'shop' } }])
    await cluster.client.apply([service('hq', 'orders'), service('shop', 'web')])
    expect(await cluster.events(1, { since: '0', namespace: 'shop' })).toEqual(['ADDED web'])
    expect(await cluster.events(1, { since: '0', kind: 'Namespace' })).toEqual(['ADDED shop'])
  })

  it('tells a deletion with the version of the deletion', async () => {
    await using cluster = await TestCluster.start()
    await cluster.client.apply([service('shop', 'web')])
    await cluster.client.delete('Service', 'shop/web')

    const events: WatchEvent[] = []
    cluster.store.watch({ kind: kindNamed('Service'), namespace: undefined }, 1, {
      onEvent: (event) => void events.push(event),
      onExpired: () => undefined,
    })
    expect(events).toMatchObject([{ type: 'DELETED', object: { metadata: { resourceVersion: '2' } } }])
  })

  it.each([
    ['older than the history', async ({ store }: TestCluster) => store.compact(), '1'],
    ['of another history', async () => undefined, '1000'],
  ])('whose version is %s gets an Expired ERROR event', async (_, prepare, since) => {
    await using cluster = await TestCluster.start()
    await cluster.client.apply([service('shop', 'a'), service('shop', 'b', '10.96.0.2')])
    await prepare(cluster)
    await expect(cluster.events(1, { since })).rejects.toMatchObject({ reason: 'Expired', httpCode: 410 })
  })

  it('forgets the oldest events beyond its bound', async () => {
    await using cluster = await TestCluster.start(new ObjectStore({ admission: false, maxEvents: 2 }))
    await cluster.client.apply(['a', 'b', 'c'].map((name) => service('shop', name)))
    expect(await cluster.events(2, { since: '1' })).toEqual(['ADDED b', 'ADDED c'])
    await cluster.client.apply([service('shop', 'd')])
    await expect(cluster.events(1, { since: '1' })).rejects.toMatchObject({ reason: 'Expired' })
  })

  it('ends cleanly after timeoutSeconds', async () => {
    await using cluster = await TestCluster.start()
    const response = await fetch(`${cluster.double.url}/api/v1/services?watch=1&timeoutSeconds=1`)
    expect(await response.text()).toBe('')
  })

  it('breaks when connections are cut, and can be resumed from where it was', async () => {
    await using cluster = await TestCluster.start()
    const broken = cluster.events(2, {})
    const refused = expect(broken).rejects.toThrow()
    await cluster.client.apply([service('shop', 'a')])
    cluster.double.cutConnections()
    await refused

    await cluster.client.apply([service('shop', 'b')])
    expect(await cluster.events(1, { since: '1' })).toEqual(['ADDED b'])
  })
})
