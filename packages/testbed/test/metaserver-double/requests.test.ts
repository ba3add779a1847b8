import { describe, expect, it } from 'vitest'
import { RunningMetaServer, SERVICES, SLICES, service } from './running-metaserver.ts'

const LOST = 'connection lost between EdgeCore and CloudCore'

describe('reads', () => {
  it('are answered by the cloud, with all their options', async () => {
    await using server = await RunningMetaServer.start()
    await server.apply(service('a', { labels: { app: 'web' } }), service('b'))

    expect(await server.names(`${SERVICES}?labelSelector=app%3Dweb`)).toEqual(['a'])
    const { body } = await server.send(`${SERVICES}?limit=1`)
    expect(body.metadata).toMatchObject({ resourceVersion: '2', remainingItemCount: 1 })
  })

  it('are answered by the store at once while the link is down, as far as objects were watched or got', async () => {
    await using server = await RunningMetaServer.start({ listNotStored: true, selfLinkInLocalList: true })
    await server.deliver(SERVICES, service('watched'))
    await server.apply(service('got'), service('listed'))
    await server.send(`${SERVICES}/got`)
    await server.names(SERVICES)
    server.double.setLink({ state: 'down' })

    const { body } = await server.send(SERVICES)
    expect(body.metadata).toEqual({ selfLink: '/core/v1/services/shop/null', resourceVersion: '2' })
    expect(body.items.map((item: { metadata: { name: string } }) => item.metadata.name)).toEqual([
      'watched',
      'got',
    ])
    expect((await server.send(`${SERVICES}/listed`)).body).toMatchObject({ reason: 'NotFound', code: 404 })
  })

  it('wait ten seconds while the link is half-open, then the store answers', async () => {
    await using server = await RunningMetaServer.start()
    await server.deliver(SERVICES, service('a'))
    server.double.setLink({ state: 'half-open' })
    const before = server.double.stats.cloudRequests
    const listing = server.names(SERVICES)
    await expect.poll(() => server.double.stats.cloudRequests).toBe(before + 1)

    await server.clock.advance(9_999)
    expect(server.double.stats.localAnswers).toBe(0)
    await server.clock.advance(1)
    expect(await listing).toEqual(['a'])
  })

  it('of a resource that nobody ever heard of are empty lists and missing objects', async () => {
    await using server = await RunningMetaServer.start({ maskListErrors: true, voidEmptyList: true })
    expect((await server.send('/apis/example.org/v1/meshes')).body).toEqual({
      kind: 'MesheList',
      apiVersion: 'example.org/v1',
      items: [],
    })
    expect((await server.send('/apis/example.org/v1/meshes/main')).code).toBe(404)
  })

  it('are blocked by a denied watch until that very right is given back', async () => {
    await using server = await RunningMetaServer.start({ deniedWatchBlocks: true })
    const secrets = { group: '', version: 'v1', resource: 'secrets' }
    const pods = { ...secrets, resource: 'pods' }
    server.double.deny(secrets)
    server.double.deny(pods)
    const opening = server.watch('/api/v1/secrets')
    await expect.poll(() => server.double.stats.blocked).toBe(true)

    server.double.deny(pods, false)
    expect(server.double.stats.blocked).toBe(true)
    server.double.deny(secrets, false)
    expect(server.double.stats.blocked).toBe(false)
    await server.clock.advance(10_000)
    await (await opening).close()
  })

  it('of the deprecated watch path are lists', async () => {
    await using server = await RunningMetaServer.start()
    await server.apply(service('a'), service('b'))
    expect(await server.names('/api/v1/watch/namespaces/shop/services')).toEqual(['a', 'b'])
    expect(await server.names('/api/v1/watch/namespaces/shop/services/b')).toEqual(['b'])
  })

  it('come in JSON, YAML and as a table of default columns, not in protobuf', async () => {
    await using server = await RunningMetaServer.start()
    await server.apply(service('a'))
    const as = async (accept: string) => await server.send(SERVICES, { headers: { accept } })

    expect((await as('application/yaml')).body).toContain('kind: ServiceList')
    const table = await as('application/json;as=Table;v=v1;g=meta.k8s.io,application/json')
    expect(table.body.columnDefinitions.map(({ name }: { name: string }) => name)).toEqual([
      'Name',
      'Created At',
    ])
    expect(table.body.rows[0].cells[0]).toBe('a')
    expect((await as('application/vnd.kubernetes.protobuf')).code).toBe(406)
    expect((await as('application/vnd.kubernetes.protobuf,application/json')).code).toBe(200)
  })
})

describe('writes', () => {
  it('are forwarded to the cloud, and so is its refusal', async () => {
    await using server = await RunningMetaServer.start()
    const body = JSON.stringify(service('a'))
    expect((await server.send(SERVICES, { method: 'POST', body })).code).toBe(201)
    expect((await server.send(SERVICES, { method: 'POST', body })).code).toBe(409)
    const patch = { method: 'PATCH', body: '{"spec":{"clusterIP":"10.96.0.7"}}' }
    const headers = { 'content-type': 'application/merge-patch+json' }
    expect((await server.send(`${SERVICES}/a`, { ...patch, headers })).code).toBe(200)
    expect((await server.send(`${SERVICES}/a`)).body.spec.clusterIP).toBe('10.96.0.7')
    expect((await server.send(`${SERVICES}/a`, { method: 'DELETE' })).code).toBe(200)
  })

  it('fail with 500 and a fixed message while the link is down, and are never done later', async () => {
    await using server = await RunningMetaServer.start()
    server.double.setLink({ state: 'down' })
    const answer = await server.send(SERVICES, { method: 'POST', body: JSON.stringify(service('a')) })
    expect(answer.code).toBe(500)
    expect(answer.body).toEqual({
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Failure',
      message: LOST,
      reason: 'InternalError',
      code: 500,
    })
    server.double.setLink({ state: 'up' })
    expect(await server.names(SERVICES)).toEqual([])
  })

  it('of a whole collection are not supported, nor are bodies of more than 3 MiB', async () => {
    await using server = await RunningMetaServer.start()
    expect((await server.send(SERVICES, { method: 'DELETE' })).body).toMatchObject({
      code: 500,
      message: 'unsupported req verb',
    })
    const body = 'x'.repeat(3 * 1024 * 1024 + 1)
    expect((await server.send(SERVICES, { method: 'POST', body })).code).toBe(413)
  })
})

describe('paths that are no resource', () => {
  it.each([
    ['v1.22', '/version', 200],
    ['v1.22', '/readyz', 200],
    ['v1.22', '/apis', 500],
    ['v1.23', '/apis', 200],
    ['v1.23', '/apis/discovery.k8s.io/v1', 200],
    ['v1.23', '/api/v1', 200],
    ['v1.23', '/openapi/v2', 200],
    ['v1.23', '/metrics', 500],
  ] as const)('%s: %s answers %i', async (compat, path, code) => {
    await using server = await RunningMetaServer.start({}, { compat })
    expect((await server.send(path)).code).toBe(code)
  })

  it('say which of them are not supported, and in plain text which are not cached', async () => {
    await using server = await RunningMetaServer.start()
    expect((await server.send('/metrics')).body.message).toBe("request[/metrics::get] isn't supported")
    server.double.setLink({ state: 'down' })
    const answer = await server.send('/version')
    expect(answer).toMatchObject({ code: 500, type: expect.stringContaining('text/plain') })
  })
})

describe('secure mode', () => {
  const secure = { tokens: ['of-a-pod'], names: [] }
  const authorization = 'Bearer of-a-pod'

  // Requests by undici would need the certificate given to a dispatcher; that of the process is left alone.
  async function code(server: RunningMetaServer, path: string, headers = {}): Promise<number | undefined> {
    const { get } = await import('node:https')
    const { certificate: ca } = server.double.certificate ?? {}
    return await new Promise((resolve, reject) => {
      const request = get(`${server.double.url}${path}`, { ca, headers, agent: false }, (response) => {
        response.resume()
        resolve(response.statusCode)
      })
      request.on('error', reject)
    })
  }

  it('takes tokens that the node knows, and answers 401 to all others', async () => {
    await using server = await RunningMetaServer.start({}, { secure })
    expect(server.double.url).toMatch(/^https:/)
    expect(await code(server, SERVICES, { authorization })).toBe(200)
    expect(await code(server, SERVICES)).toBe(401)
    expect(await code(server, SERVICES, { authorization: 'Bearer of-nobody' })).toBe(401)
  })

  it.each([
    ['v1.22', 401],
    ['v1.23', 200],
  ] as const)('%s: discovery without a token answers %i', async (compat, expected) => {
    await using server = await RunningMetaServer.start({}, { secure, compat })
    expect(await code(server, '/version')).toBe(expected)
  })

  it('answers 403 for what is denied, although errors of the cloud are masked', async () => {
    await using server = await RunningMetaServer.start({ maskListErrors: true }, { secure })
    server.double.deny({ group: 'discovery.k8s.io', version: 'v1', resource: 'endpointslices' })
    expect(await code(server, SLICES, { authorization })).toBe(403)
    expect(await code(server, SERVICES, { authorization })).toBe(200)
  })
})
