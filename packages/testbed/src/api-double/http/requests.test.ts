import { request } from 'node:http'
import { describe, expect, it } from 'vitest'
import { runControllers } from '../controllers/controllers.ts'
import { parseManifests } from '../manifests.ts'
import { ObjectStore } from '../object-store.ts'
import { ApiDouble } from './api-double.ts'

const MANIFESTS = `
{ apiVersion: v1, kind: Service, metadata: { name: web, labels: { app: web, tier: front } }, spec: { ports: [{ name: http, port: 80 }] } }
---
{ apiVersion: v1, kind: Service, metadata: { name: db, labels: { app: db } }, spec: { ports: [{ port: 5432 }] } }
---
{ apiVersion: v1, kind: Service, metadata: { name: cache, labels: { app: cache, tier: back } }, spec: { ports: [{ port: 6379 }] } }
`

const DEPLOYMENT = `
apiVersion: apps/v1
kind: Deployment
metadata: { name: web }
spec:
  selector: { matchLabels: { app: web } }
  template: { metadata: { labels: { app: web } }, spec: { containers: [{ name: web, image: web }] } }
`

const SERVICES = '/api/v1/namespaces/default/services'

interface Answer {
  readonly code: number
  // biome-ignore lint/suspicious/noExplicitAny: any answer of the API
  readonly body: any
  readonly warning: string | null
}

class TestServer implements AsyncDisposable {
  readonly store: ObjectStore
  readonly #double: ApiDouble

  private constructor(store: ObjectStore, double: ApiDouble) {
    this.store = store
    this.#double = double
  }

  static async start(): Promise<TestServer> {
    const store = new ObjectStore()
    runControllers(store)
    for (const { ref, object } of parseManifests(MANIFESTS)) store.create(ref, object)
    return new TestServer(store, await ApiDouble.start(store))
  }

  get url(): string {
    return this.#double.url
  }

  async send(
    method: string,
    path: string,
    init: { body?: unknown; type?: string; accept?: string; authorization?: string } = {},
  ): Promise<Answer> {
    const { body, type = 'application/json', accept = 'application/json', authorization = '' } = init
    const response = await fetch(this.url + path, {
      method,
      headers: { 'content-type': type, accept, authorization },
      body: body === undefined ? null : JSON.stringify(body),
    })
    const text = await response.text()
    const isJson = response.headers.get('content-type')?.includes('json') === true
    return {
      code: response.status,
      body: isJson ? JSON.parse(text) : text,
      warning: response.headers.get('warning'),
    }
  }

  async names(query: string): Promise<string[]> {
    const { body } = await this.send('GET', `${SERVICES}?${query}`)
    return body.items.map((item: { metadata: { name: string } }) => item.metadata.name)
  }

  /** The first `count` events of a watch. */
  async events(
    query: string,
    count: number,
  ): Promise<{ type: string; object: { metadata: { name: string } } }[]> {
    const stop = new AbortController()
    const response = await fetch(`${this.#double.url}${SERVICES}?watch=1&${query}`, { signal: stop.signal })
    const events = []
    let text = ''
    for await (const chunk of response.body ?? []) {
      text += Buffer.from(chunk).toString()
      const lines = text.split('\n')
      text = lines.pop() ?? ''
      events.push(...lines.map((line) => JSON.parse(line)))
      if (events.length >= count) break
    }
    stop.abort()
    return events.slice(0, count)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#double[Symbol.asyncDispose]()
  }
}

describe('a list', () => {
  it.each([
    ['labelSelector=app%3Dweb', ['web']],
    ['labelSelector=app!%3Dweb', ['cache', 'db']],
    ['labelSelector=app%20in%20(web,db)', ['db', 'web']],
    ['labelSelector=tier%20notin%20(back)', ['db', 'web']],
    ['labelSelector=tier', ['cache', 'web']],
    ['labelSelector=!tier,app%3Ddb', ['db']],
    ['fieldSelector=metadata.name%3Ddb', ['db']],
    ['fieldSelector=metadata.name!%3Ddb,metadata.namespace%3Ddefault', ['cache', 'web']],
  ])('is of what %s selects', async (query, names) => {
    await using server = await TestServer.start()
    expect(await server.names(query)).toEqual(names)
  })

  it('comes in pages that are all of one moment', async () => {
    await using server = await TestServer.start()
    const first = await server.send('GET', `${SERVICES}?limit=2`)
    expect(first.body.metadata).toMatchObject({ remainingItemCount: 1 })
    await server.send('DELETE', `${SERVICES}/web`)
    const token = encodeURIComponent(first.body.metadata.continue)
    const second = await server.send('GET', `${SERVICES}?limit=2&continue=${token}`)

    expect(second.body.items).toMatchObject([{ metadata: { name: 'web' } }])
    expect(second.body.metadata.resourceVersion).toBe(first.body.metadata.resourceVersion)
    expect(second.body.metadata).not.toHaveProperty('continue')
  })

  it('can not be continued for ever, nor by what is no token', async () => {
    await using server = await TestServer.start()
    const unknown = Buffer.from('00000000-0000-0000-0000-000000000000 1').toString('base64url')
    expect((await server.send('GET', `${SERVICES}?continue=${unknown}`)).body).toMatchObject({
      code: 410,
      reason: 'Expired',
    })
    expect((await server.send('GET', `${SERVICES}?continue=nonsense`)).body).toMatchObject({ code: 400 })
  })

  it('can not be continued as the list of something else', async () => {
    await using server = await TestServer.start()
    const { body } = await server.send('GET', `${SERVICES}?limit=1`)
    const token = encodeURIComponent(body.metadata.continue)
    for (const path of ['/api/v1/services', '/api/v1/namespaces/default/endpoints'])
      expect(await server.send('GET', `${path}?limit=1&continue=${token}`)).toMatchObject({ code: 400 })
  })

  it('is a table for those who want one', async () => {
    await using server = await TestServer.start()
    const accept = 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json'
    const { body } = await server.send('GET', `${SERVICES}?labelSelector=app%3Dweb`, { accept })
    const row = Object.fromEntries(
      body.columnDefinitions.map(({ name }: { name: string }, index: number) => [
        name,
        body.rows[0].cells[index],
      ]),
    )
    expect(row).toMatchObject({
      Name: 'web',
      Type: 'ClusterIP',
      'External-IP': '<none>',
      'Port(s)': '80/TCP',
    })
  })
})

describe('a watch', () => {
  it('with a selector sees objects come and go with what is selected', async () => {
    await using server = await TestServer.start()
    const { body } = await server.send('GET', SERVICES)
    const since = body.metadata.resourceVersion
    const label = (labels: object): Promise<Answer> =>
      server.send('PATCH', `${SERVICES}/db`, {
        body: { metadata: { labels } },
        type: 'application/merge-patch+json',
      })
    await label({ tier: 'front' })
    await label({ color: 'red' })
    await label({ tier: null })

    const events = await server.events(`resourceVersion=${since}&labelSelector=tier%3Dfront`, 3)
    expect(events.map(({ type, object }) => `${type} ${object.metadata.name}`)).toEqual([
      'ADDED db',
      'MODIFIED db',
      'DELETED db',
    ])
  })

  it('tells where the initial events end, when asked to', async () => {
    await using server = await TestServer.start()
    const events = await server.events(
      'sendInitialEvents=true&allowWatchBookmarks=true&resourceVersionMatch=NotOlderThan',
      4,
    )
    expect(events.map(({ type }) => type)).toEqual(['ADDED', 'ADDED', 'ADDED', 'BOOKMARK'])
    expect(events[3]).toMatchObject({
      object: { metadata: { annotations: { 'k8s.io/initial-events-end': 'true' } } },
    })
  })

  it('tells no end of the initial events to those who take no bookmarks', async () => {
    await using server = await TestServer.start()
    const initial = 'sendInitialEvents=true&resourceVersionMatch=NotOlderThan'
    const query = `watch=1&${initial}&timeoutSeconds=1&fieldSelector=metadata.name%3Dweb`
    // One event only, which is all of the answer.
    expect((await server.send('GET', `${SERVICES}?${query}`)).body).toMatchObject({ type: 'ADDED' })
  })

  it('starts with all there is, however much that is', async () => {
    await using server = await TestServer.start()
    const large = 'x'.repeat(1024 * 1024)
    for (let index = 0; index < 20; index++) {
      const body = { metadata: { name: `large-${index}` }, data: { large } }
      await server.send('POST', '/api/v1/namespaces/default/configmaps', { body })
    }
    const path = '/api/v1/namespaces/default/configmaps?watch=1&timeoutSeconds=1'
    const response = await fetch(server.url + path)
    expect((await response.text()).split('\n')).toHaveLength(20 + 1)
  })

  it.each(['0', '99999999'])('goes on with timeoutSeconds=%s', async (seconds) => {
    await using server = await TestServer.start()
    const stop = new AbortController()
    const path = `${SERVICES}?watch=1&fieldSelector=metadata.name%3Dnew&timeoutSeconds=${seconds}`
    const response = await fetch(server.url + path, { signal: stop.signal })
    const body = { metadata: { name: 'new' }, spec: { ports: [{ port: 80 }] } }
    await server.send('POST', SERVICES, { body })
    const { value } = (await response.body?.getReader().read()) ?? {}
    stop.abort()
    expect(Buffer.from(value ?? []).toString()).toContain('ADDED')
  })

  it('ends with a bookmark for those who take them', async () => {
    await using server = await TestServer.start()
    const [event] = await server.events('resourceVersion=7&allowWatchBookmarks=true&timeoutSeconds=1', 1)
    expect(event).toMatchObject({
      type: 'BOOKMARK',
      object: { kind: 'Service', metadata: { resourceVersion: expect.any(String) } },
    })
  })
})

describe('a patch', () => {
  it('is a list of operations, a merge, or a strategic merge', async () => {
    await using server = await TestServer.start()
    const operations = [{ op: 'replace', path: '/metadata/labels/app', value: 'shop' }]
    const patched = await server.send('PATCH', `${SERVICES}/web`, {
      body: operations,
      type: 'application/json-patch+json',
    })
    expect(patched.body.metadata.labels).toMatchObject({ app: 'shop' })

    const spec = { ports: [{ name: 'metrics', port: 9090 }] }
    const strategic = await server.send('PATCH', `${SERVICES}/web`, {
      body: { spec },
      type: 'application/strategic-merge-patch+json',
    })
    expect(strategic.body.spec.ports).toMatchObject([{ port: 9090 }, { port: 80 }])

    const merged = await server.send('PATCH', `${SERVICES}/web`, {
      body: { spec },
      type: 'application/merge-patch+json',
    })
    expect(merged.body.spec.ports).toMatchObject([{ port: 9090 }])
  })

  it('changes nothing as a dry run', async () => {
    await using server = await TestServer.start()
    const body = { metadata: { labels: { app: 'other' } } }
    const answer = await server.send('PATCH', `${SERVICES}/web?dryRun=All`, {
      body,
      type: 'application/merge-patch+json',
    })
    expect(answer.body.metadata.labels.app).toBe('other')
    expect(await server.names('labelSelector=app%3Dother')).toEqual([])
  })

  it.each([
    [
      'an operation on what is not there',
      'application/json-patch+json',
      [{ op: 'remove', path: '/metadata/nothing' }],
      422,
    ],
    ['what is no operation', 'application/json-patch+json', [null], 400],
    [
      'an operation on what is no path',
      'application/json-patch+json',
      [{ op: 'remove', path: 'metadata' }],
      400,
    ],
    ['another name', 'application/merge-patch+json', { metadata: { name: 'other' } }, 400],
    ['server-side apply', 'application/apply-patch+yaml', {}, 415],
    ['an outdated version', 'application/merge-patch+json', { metadata: { resourceVersion: '1' } }, 409],
  ])('is refused for %s', async (...[, type, body, code]) => {
    await using server = await TestServer.start()
    expect(await server.send('PATCH', `${SERVICES}/web`, { body, type })).toMatchObject({
      code,
      body: { kind: 'Status', code },
    })
  })
})

describe('other requests', () => {
  it('give a new object a name', async () => {
    await using server = await TestServer.start()
    const body = { metadata: { generateName: 'web-' }, spec: { ports: [{ port: 80 }] } }
    const { code, body: created } = await server.send('POST', SERVICES, { body })
    expect(code).toBe(201)
    expect(created.metadata.name).toMatch(/^web-[a-z0-9]{5}$/)
  })

  it('warn of unknown fields', async () => {
    await using server = await TestServer.start()
    const body = { metadata: { name: 'x' }, spec: { ports: [{ port: 80 }], colour: 'red' } }
    expect((await server.send('POST', SERVICES, { body })).warning).toContain('unknown field')
  })

  it('delete a collection', async () => {
    await using server = await TestServer.start()
    await server.send('DELETE', `${SERVICES}?labelSelector=tier`)
    expect(await server.names('')).toEqual(['db'])
  })

  it('tell each cause of what is invalid', async () => {
    await using server = await TestServer.start()
    const body = { metadata: { name: 'x' }, spec: { ports: [{ port: 0 }] } }
    expect((await server.send('POST', SERVICES, { body })).body).toMatchObject({
      code: 422,
      reason: 'Invalid',
      details: {
        name: 'x',
        kind: 'Service',
        causes: expect.arrayContaining([
          { reason: 'FieldValueInvalid', field: 'spec.ports[0].port', message: expect.any(String) },
        ]),
      },
    })
  })

  it.each([
    ['a path that is no URL', 'GET', '/api/v1/namespaces/%E0/services', 400],
    ['a version to match without a version', 'GET', `${SERVICES}?resourceVersionMatch=NotOlderThan`, 422],
    [
      'a field that the kind can not be selected by',
      'GET',
      `${SERVICES}?fieldSelector=spec.nodeName%3Dx`,
      400,
    ],
    ['a deletion over all namespaces', 'DELETE', '/api/v1/services', 405],
  ])('are refused for %s', async (...[, method, path, code]) => {
    await using server = await TestServer.start()
    expect(await server.send(method, path)).toMatchObject({ code, body: { kind: 'Status', code } })
    expect(await server.names('')).toEqual(['cache', 'db', 'web'])
  })

  it('are refused without a path', async () => {
    await using server = await TestServer.start()
    const { promise, resolve } = Promise.withResolvers<number | undefined>()
    request(server.url, { path: '//' }, (response) => resolve(response.resume().statusCode)).end()
    expect(await promise).toBe(400)
  })

  it('are refused with options that make no sense', async () => {
    await using server = await TestServer.start()
    const answer = await server.send('DELETE', `${SERVICES}/web`, { body: { dryRun: 5 } })
    expect(answer).toMatchObject({ code: 400 })
  })

  it('are refused in a binary form', async () => {
    await using server = await TestServer.start()
    const type = 'application/vnd.kubernetes.protobuf'
    expect(await server.send('POST', SERVICES, { body: {}, type })).toMatchObject({ code: 415 })
  })

  it('scale only the version that they name', async () => {
    await using server = await TestServer.start()
    for (const { ref, object } of parseManifests(DEPLOYMENT)) server.store.create(ref, object)
    const path = '/apis/apps/v1/namespaces/default/deployments/web/scale'
    const { body: scale } = await server.send('GET', path)
    expect(await server.send('PUT', path, { body: { ...scale, spec: { replicas: 3 } } })).toMatchObject({
      body: { spec: { replicas: 3 } },
    })
    const outdated = { ...scale, spec: { replicas: 4 } }
    expect(await server.send('PUT', path, { body: outdated })).toMatchObject({ code: 409 })
  })

  it('discover what is served, in words that differ by version', async () => {
    await using server = await TestServer.start()
    expect((await server.send('GET', '/apis')).body.groups).toContainEqual(
      expect.objectContaining({ name: 'apps' }),
    )
    const { resources } = (await server.send('GET', '/apis/apps/v1')).body
    expect(resources).toContainEqual(expect.objectContaining({ name: 'deployments/scale', kind: 'Scale' }))
    expect(resources).toContainEqual(
      expect.objectContaining({ name: 'daemonsets', shortNames: ['ds'], namespaced: true }),
    )
    const { components } = (await server.send('GET', '/openapi/v3/api/v1')).body
    expect(components.schemas['io.k8s.V1ServiceSpec'].properties.ports).toMatchObject({
      'x-kubernetes-patch-merge-key': 'port',
    })
    expect((await server.send('GET', '/openapi/v2')).body.definitions).toHaveProperty([
      'io.k8s.api.core.v1.Service',
    ])
  })
})

describe('a service account', () => {
  const ROLES = `
{ apiVersion: rbac.authorization.k8s.io/v1, kind: Role, metadata: { name: r, namespace: default }, rules: [{ apiGroups: [""], resources: [services], verbs: [list] }, { apiGroups: [""], resources: [secrets], resourceNames: [mine], verbs: [get, list] }] }
---
{ apiVersion: rbac.authorization.k8s.io/v1, kind: RoleBinding, metadata: { name: r, namespace: default }, roleRef: { apiGroup: rbac.authorization.k8s.io, kind: Role, name: r }, subjects: [{ kind: ServiceAccount, name: agent, namespace: edge }] }
`

  it.each([
    ['GET', SERVICES, 200],
    ['GET', `${SERVICES}?watch=1&timeoutSeconds=1`, 403],
    ['GET', `${SERVICES}/web`, 403],
    ['DELETE', `${SERVICES}/web`, 403],
    ['GET', '/api/v1/services', 403],
    ['GET', '/api/v1/namespaces/default/secrets/mine', 404],
    ['GET', '/api/v1/namespaces/default/secrets/other', 403],
    ['GET', '/api/v1/namespaces/default/secrets', 403],
    ['GET', '/api/v1/namespaces/default/secrets?fieldSelector=metadata.name%3Dmine', 200],
    ['GET', '/api/v1/namespaces/default/secrets?fieldSelector=metadata.name%3Dother', 403],
    ['GET', '/api/v1/namespaces/default/secrets?fieldSelector=metadata.name!%3Dmine', 403],
    ['GET', '/api/v1', 200],
  ])('may do what its roles allow: %s %s', async (method, path, code) => {
    await using server = await TestServer.start()
    for (const { ref, object } of parseManifests(ROLES)) server.store.create(ref, object)

    const authorization = 'Bearer system:serviceaccount:edge:agent'
    expect(await server.send(method, path, { authorization })).toMatchObject({ code })
  })
})
