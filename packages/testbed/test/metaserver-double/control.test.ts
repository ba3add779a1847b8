import { describe, expect, it } from 'vitest'
import { MetaServerDouble, NO_FAULTS } from '../../src/metaserver-double/index.ts'
import { SERVICES, service } from './running-metaserver.ts'

async function send(
  double: MetaServerDouble,
  path: string,
  body?: string | object,
): Promise<{ readonly code: number; readonly body: unknown }> {
  const response = await fetch(`${double.controlUrl}${path}`, {
    method: body === undefined ? 'GET' : 'POST',
    body: body === undefined ? null : typeof body === 'string' ? body : JSON.stringify(body),
    headers: { connection: 'close' },
  })
  return { code: response.status, body: await response.json() }
}

async function start(): Promise<MetaServerDouble> {
  return await MetaServerDouble.start({ controlPort: 0, faults: NO_FAULTS })
}

const MANIFEST = `{ apiVersion: v1, kind: Namespace, metadata: { name: shop } }
---
apiVersion: v1
kind: Service
metadata: { namespace: shop, name: web }
spec: { ports: [{ port: 80 }] }
`

describe('the control API', () => {
  it('applies manifests to the cloud, and deletes objects there', async () => {
    await using double = await start()
    expect((await send(double, '/apply', MANIFEST)).code).toBe(200)
    expect((await fetch(`${double.url}${SERVICES}/web`)).status).toBe(200)
    const name = { apiVersion: 'v1', kind: 'Service', namespace: 'shop', name: 'web' }
    expect((await send(double, '/delete', name)).code).toBe(200)
    expect((await fetch(`${double.url}${SERVICES}/web`)).status).toBe(404)
    expect((await send(double, '/delete', name)).code).toBe(404)
  })

  it('sets the link, restarts both ends and counts it', async () => {
    await using double = await start()
    await send(double, '/link', { state: 'half-open', rttMs: 20 })
    expect((await send(double, '/stats')).body).toMatchObject({
      link: 'half-open',
      phase: 'half-open',
      rttMs: 20,
    })
    await send(double, '/link', { state: 'up' })
    await send(double, '/cloudcore/restart', {})
    await send(double, '/edge/restart', { wipe: true })
    expect((await send(double, '/stats')).body).toMatchObject({
      cloudcoreRestarts: 1,
      edgeRestarts: 1,
      rttMs: 20,
    })
  })

  it('throws faults and rights, and the next delivery away', async () => {
    await using double = await start()
    await send(double, '/faults', { maskListErrors: true, endpointSliceLists: 'master' })
    expect((await send(double, '/faults')).body).toMatchObject({
      maskListErrors: true,
      endpointSliceLists: 'master',
      maskGetErrors: false,
    })
    await send(double, '/rbac', { gvr: 'v1/services', deny: true })
    expect((await (await fetch(double.url + SERVICES)).json()) as unknown).not.toHaveProperty('code')
    await send(double, '/faults', { maskListErrors: false })
    expect((await fetch(double.url + SERVICES)).status).toBe(403)
    await send(double, '/rbac', { gvr: 'v1/services', deny: false })
    expect((await fetch(double.url + SERVICES)).status).toBe(200)
    expect((await send(double, '/drop-next-event', { count: 2 })).code).toBe(200)
  })

  it.each([
    ['/link', { state: 'sideways' }, 'state: expected up, down, half-open, flap, found sideways'],
    ['/link', { rttMs: -1 }, 'rttMs: expected a number, 0 or more, found -1'],
    ['/link', 'up', 'the body is not JSON'],
    ['/faults', { gremlins: true }, 'no fault gremlins'],
    ['/faults', { maskGetErrors: 'perhaps' }, 'fault maskGetErrors: expected true or false, found perhaps'],
    ['/rbac', { gvr: 'services' }, 'gvr: expected v1/services or group/v1/plural'],
    ['/delete', { kind: 'Service' }, 'apiVersion: expected a text'],
    ['/delete', { apiVersion: 'v1', kind: 'Nothing', name: 'a' }, 'kind not served: v1 Nothing'],
    ['/apply', { kind: 'Service' }, 'not an object with apiVersion, kind and metadata.name'],
    ['/apply', '{{{', 'Flow map in block collection'],
  ])('says what is wrong with %s %o', async (path, body, message) => {
    await using double = await start()
    expect(await send(double, path, body)).toEqual({
      code: 400,
      body: { error: expect.stringContaining(message) },
    })
  })

  it('names its commands to whom asks for another', async () => {
    await using double = await start()
    expect(await send(double, '/links')).toMatchObject({
      code: 404,
      body: { error: 'no command GET /links', commands: expect.arrayContaining(['POST /link']) },
    })
  })

  it('refuses what the cloud refuses, and says why', async () => {
    await using double = await start()
    const invalid = { ...service('Not A Name'), metadata: { namespace: 'default', name: 'Not A Name' } }
    expect(await send(double, '/apply', invalid)).toMatchObject({
      code: 422,
      body: { error: expect.stringContaining('Not A Name') },
    })
  })
})
