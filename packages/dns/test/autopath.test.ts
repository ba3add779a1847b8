import { mkdtempDisposable, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Endpoint, formatServicePortName, type NodeName } from '@edgeway/core'
import { FakeServiceDirectory, serviceOf } from '@edgeway/testbed'
import { describe, expect, it } from 'vitest'
import { PodNamespaces } from '../src/alias/pod-namespaces.ts'
import { RCODE } from '../src/wire/codes.ts'
import { askOneTcp, askOneUdp } from './support/client.ts'
import { type Behaviour, FakeUpstream } from './support/fake-upstream.ts'
import { linesIn, namesIn, resolving } from './support/names.ts'
import { decode, queryOf, rcodeIn } from './support/query.ts'
import { startServer } from './support/server.ts'
import { aliasService, zoneEndpoint, zoneService } from './support/zone.ts'

const OWN = 'shop.svc.cluster.local'

const podOf = (namespace: string, ip = '127.0.0.1', node = 'edge-1'): Endpoint =>
  zoneEndpoint(ip, { node: node as NodeName, pod: { namespace, name: 'client', uid: undefined } })

/** A responder that knows the client as a pod of the namespace `shop`, on a host with the search list `lan.example`. */
async function startWithPod(behaviour: Behaviour, { autopath = true, pods = [podOf('shop')] } = {}) {
  const stack = new AsyncDisposableStack()
  const directory = stack.use(await mkdtempDisposable(join(tmpdir(), 'edgeway-dns-')))
  const resolvConf = join(directory.path, 'resolv.conf')
  await writeFile(resolvConf, 'search lan.example\n')
  const upstream = stack.use(await FakeUpstream.start(behaviour))
  const dns = stack.use(
    await startServer({ upstreams: [upstream], autopath, resolvConf, upstreamTimeoutMs: 200 }),
  )
  dns.services.set(
    zoneService('shop/client', [['x', 1]], { clusterIps: ['10.96.0.9'], headless: false }),
    pods,
  )
  dns.services.set(serviceOf('store/db:sql', '10.96.0.2', 5_432))
  return {
    dns,
    upstream,
    ask: (name: string, type: 'A' | 'AAAA' | 'SRV' = 'A') => askOneUdp(dns.address, queryOf(name, type)),
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  }
}

const NAMES = { 'www.example.com': ['192.0.2.1'], 'printer.lan.example': ['192.0.2.2'] }

describe('autopath', () => {
  it('finds what is further down the search list', async () => {
    await using mesh = await startWithPod(resolving(NAMES))
    const found = async (name: string) => linesIn(await mesh.ask(`${name}.${OWN}`))

    expect(await found('db.store')).toEqual([
      `db.store.${OWN} CNAME db.store.svc.cluster.local`,
      'db.store.svc.cluster.local A 10.96.0.2',
    ])
    expect(await found('web.shop.svc')).toEqual([
      `web.shop.svc.${OWN} CNAME web.${OWN}`,
      `web.${OWN} A 10.96.0.1`,
    ])
    expect(await found('printer')).toEqual([
      `printer.${OWN} CNAME printer.lan.example`,
      'printer.lan.example A 192.0.2.2',
    ])
    expect(await found('www.example.com')).toEqual([
      `www.example.com.${OWN} CNAME www.example.com`,
      'www.example.com A 192.0.2.1',
    ])
    expect(linesIn(await askOneTcp(mesh.dns.address, queryOf(`www.example.com.${OWN}`)))).toHaveLength(2)
  })

  it('asks nobody about what the own namespace has', async () => {
    await using mesh = await startWithPod(resolving({ 'web.lan.example': ['192.0.2.3'] }))

    expect(linesIn(await mesh.ask(`web.${OWN}`))).toEqual([`web.${OWN} A 10.96.0.1`])
    expect(mesh.upstream.received).toEqual([])
  })

  it('finds the same name for both families', async () => {
    await using mesh = await startWithPod(resolving(NAMES))
    const answer = await mesh.ask(`www.example.com.${OWN}`, 'AAAA')

    expect([rcodeIn(answer), linesIn(answer)]).toEqual([
      RCODE.NOERROR,
      [`www.example.com.${OWN} CNAME www.example.com`],
    ])
    expect(decode(answer).authorities).toMatchObject([{ type: 'SOA' }])
  })

  it('looks past names that only have names below them', async () => {
    await using mesh = await startWithPod(resolving({ store: ['192.0.2.4'] }))

    expect(linesIn(await mesh.ask(`store.${OWN}`)).at(-1)).toBe('store A 192.0.2.4')
  })

  it('follows an external name that it finds', async () => {
    await using mesh = await startWithPod(resolving(NAMES))
    mesh.dns.services.set(aliasService('store/site', 'www.example.com'))

    expect(linesIn(await mesh.ask(`site.store.${OWN}`))).toEqual([
      `site.store.${OWN} CNAME site.store.svc.cluster.local`,
      'site.store.svc.cluster.local CNAME www.example.com',
      'www.example.com A 192.0.2.1',
    ])
  })

  it.each<[string, Behaviour]>([
    ['nobody has the name', resolving({})],
    ['it can not be known who has it', () => []],
  ])('leaves it at "no such name" where %s', async (_what, behaviour) => {
    await using mesh = await startWithPod(behaviour)
    const answer = await mesh.ask(`www.example.com.${OWN}`)

    expect([rcodeIn(answer), linesIn(answer)]).toEqual([RCODE.NXDOMAIN, []])
    expect(decode(answer).authorities).toMatchObject([{ type: 'SOA', name: 'cluster.local' }])
  })

  it('finds nothing behind a domain of which nothing can be known: the name may be there', async () => {
    await using mesh = await startWithPod((received) =>
      namesIn([received])[0]?.endsWith('lan.example') === true ? [] : resolving(NAMES)(received),
    )

    expect(rcodeIn(await mesh.ask(`www.example.com.${OWN}`))).toBe(RCODE.NXDOMAIN)
  })

  it.each<[string, string, Parameters<typeof startWithPod>[1]]>([
    ['unless it is wished', OWN, { autopath: false }],
    ['for another namespace than the own', 'store.svc.cluster.local', {}],
    ['for a client that is not known', OWN, { pods: [] }],
    ['for a pod of another node', OWN, { pods: [podOf('shop', '127.0.0.1', 'edge-2')] }],
    ['for an address of several namespaces', OWN, { pods: [podOf('shop'), podOf('store')] }],
  ])('does nothing %s', async (_what, domain, options) => {
    await using mesh = await startWithPod(resolving(NAMES), options)

    expect(rcodeIn(await mesh.ask(`www.example.com.${domain}`))).toBe(RCODE.NXDOMAIN)
    expect(mesh.upstream.received).toEqual([])
  })

  it('does nothing for types that no search list is for', async () => {
    await using mesh = await startWithPod(resolving(NAMES))

    expect(rcodeIn(await mesh.ask(`www.example.com.${OWN}`, 'SRV'))).toBe(RCODE.NXDOMAIN)
  })

  it('asks in the order of the search list', async () => {
    await using mesh = await startWithPod(resolving({}))
    await mesh.ask(`a.b.${OWN}`)

    expect(namesIn(mesh.upstream.received)).toEqual(['a.b.lan.example', 'a.b'])
  })
})

it('knows the namespaces of the pods of its node, as they come and go', () => {
  const directory = new FakeServiceDirectory()
  directory.set(serviceOf('shop/web:http', '10.96.0.1', 80), [podOf('shop', '10.1.0.1')])
  using pods = new PodNamespaces(directory, 'edge-1' as NodeName)
  const [web, db] = ['web:http', 'db:sql'].map((text) => {
    const [service = '', port = ''] = text.split(':')
    return formatServicePortName('shop', service, port)
  })
  if (web === undefined || db === undefined) throw new Error('two names give two')
  const known = () => ['10.1.0.1', '10.1.0.2'].map((ip) => pods.namespaceOf(ip))
  expect(known()).toEqual(['shop', undefined])

  directory.set(serviceOf('shop/db:sql', '10.96.0.2', 5_432), [
    podOf('shop', '10.1.0.1'),
    podOf('shop', '10.1.0.2'),
  ])
  expect(known()).toEqual(['shop', 'shop'])
  directory.setEndpoints(web, [])
  expect(known()).toEqual(['shop', 'shop'])
  directory.setEndpoints(db, [podOf('store', '10.1.0.2')])
  expect(known()).toEqual([undefined, 'store'])
  directory.delete('shop', 'db')
  expect(known()).toEqual([undefined, undefined])
})
