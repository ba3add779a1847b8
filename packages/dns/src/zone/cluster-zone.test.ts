import type { Service } from '@edgeway/core'
import { FakeServiceDirectory, serviceOf } from '@edgeway/testbed'
import { describe, expect, it } from 'vitest'
import { answersIn, decode, queryOf, rcodeIn } from '../../test/support/query.ts'
import { type Answer, chain, emptyAnswer } from '../handler.ts'
import { decodeQuery } from '../message.ts'
import { RCODE } from '../wire/codes.ts'
import { encodeResponse } from '../wire/response.ts'
import { clusterZone } from './cluster-zone.ts'

type Asked = [name: string, type?: Parameters<typeof queryOf>[1]]

const web = serviceOf('shop/web:http', '10.96.0.1', 80)
const dual: Service = { ...serviceOf('shop/dual', '10.96.0.2', 80), clusterIps: ['10.96.0.2', 'fd00::2'] }
const onlySix: Service = { ...serviceOf('shop/six', 'fd00::6', 80), clusterIps: ['fd00::6'] }
const headless: Service = { ...serviceOf('shop/db', '', 80), clusterIps: [], headless: true, ports: [] }

function zone({ loaded = true, services = [web, dual, onlySix, headless] } = {}) {
  const directory = new FakeServiceDirectory({ loaded })
  for (const service of services) directory.set(service)
  const handler = clusterZone({ clusterDomain: 'cluster.local', ttlSeconds: 5 }, directory)

  /** The answer's zone and rule, and its message; `undefined` when the zone leaves the name to others. */
  return (...[name, type]: Asked) => {
    const decoded = decodeQuery(queryOf(name, type))
    if (decoded.kind !== 'query') throw new Error('the test asks well')
    const answer = handler(decoded.query, { transport: 'udp' })
    if (answer instanceof Promise) throw new Error('the cluster zone answers at once')
    if (answer === undefined) return undefined
    const message = encodeResponse(decoded.query, answer.content, 512)
    const { flag_aa: isAuthoritative, authorities, answers } = decode(message)
    return {
      rule: answer.rule,
      rcode: rcodeIn(message),
      ips: answersIn(message),
      isAuthoritative,
      authorities,
      answers,
    }
  }
}

const NODATA = { rcode: RCODE.NOERROR, ips: [], isAuthoritative: true, authorities: [{ type: 'SOA' }] }
const NXDOMAIN = { ...NODATA, rcode: RCODE.NXDOMAIN }

describe('clusterZone', () => {
  it('answers the address of a ClusterIP Service, with the TTL, as an authority', () => {
    expect(zone()('web.shop.svc.cluster.local')).toMatchObject({
      rule: 'service',
      rcode: RCODE.NOERROR,
      isAuthoritative: true,
      answers: [{ name: 'web.shop.svc.cluster.local', type: 'A', ttl: 5, data: '10.96.0.1' }],
      authorities: [],
    })
  })

  it("finds names in any case and keeps the question's", () => {
    expect(zone()('wEB.Shop.SVC.clusteR.local')?.answers).toMatchObject([
      { name: 'wEB.Shop.SVC.clusteR.local', data: '10.96.0.1' },
    ])
  })

  it('answers A and AAAA each with the ClusterIPs of that family', () => {
    const ask = zone()
    expect(ask('dual.shop.svc.cluster.local', 'A')?.ips).toEqual(['10.96.0.2'])
    expect(ask('dual.shop.svc.cluster.local', 'AAAA')?.ips).toEqual(['fd00::2'])
    expect(ask('six.shop.svc.cluster.local', 'AAAA')?.ips).toEqual(['fd00::6'])
    expect(ask('six.shop.svc.cluster.local', 'A')).toMatchObject(NODATA)
  })

  it.each<[string, Asked]>([
    ['a Service without that type', ['web.shop.svc.cluster.local', 'AAAA']],
    ['a Service and a type it can not have', ['web.shop.svc.cluster.local', 'MX']],
    ['a namespace', ['shop.svc.cluster.local']],
    ['svc', ['svc.cluster.local']],
    ['the domain', ['cluster.local']],
    ['dns-version for other types', ['dns-version.cluster.local', 'A']],
    ['a headless Service without ports, whose endpoints are not known', ['db.shop.svc.cluster.local']],
    ['a name below such a Service', ['db-0.db.shop.svc.cluster.local']],
  ])('answers "no such record" (NODATA) for %s', (_what, asked) => {
    expect(zone()(...asked)).toMatchObject(NODATA)
  })

  it.each<[string, Asked]>([
    ['a Service', ['nope.shop.svc.cluster.local']],
    ['a namespace', ['nope.svc.cluster.local']],
    ['a Service of a namespace', ['web.nope.svc.cluster.local']],
    ['a name below a Service with a ClusterIP', ['x.web.shop.svc.cluster.local']],
    ['a branch of the domain', ['web.shop.cluster.local']],
    ['an external name that a search list was put on', ['example.com.svc.cluster.local']],
  ])('answers "no such name" (NXDOMAIN) for the absent name of %s', (_what, asked) => {
    expect(zone()(...asked)).toMatchObject(NXDOMAIN)
  })

  it('lets negative answers be kept as long as positive ones', () => {
    expect(zone()('nope.shop.svc.cluster.local')?.authorities).toMatchObject([
      { name: 'cluster.local', ttl: 5, data: { minimum: 5, mname: 'ns.dns.cluster.local' } },
    ])
  })

  it('knows nothing absent before the directory was loaded, but what is there', () => {
    const ask = zone({ loaded: false })
    const unknown = { rule: 'directory-not-loaded', rcode: RCODE.SERVFAIL }

    expect(ask('nope.shop.svc.cluster.local')).toMatchObject(unknown)
    expect(ask('nope.svc.cluster.local')).toMatchObject(unknown)
    expect(ask('shop.cluster.local')).toMatchObject(unknown)
    expect(ask('web.shop.svc.cluster.local')?.ips).toEqual(['10.96.0.1'])
    expect(ask('web.shop.svc.cluster.local', 'AAAA')).toMatchObject(NODATA)
    expect(ask('svc.cluster.local')).toMatchObject(NODATA)
    expect(ask('dns-version.cluster.local', 'TXT')?.rcode).toBe(RCODE.NOERROR)
  })

  it('tells the version of the specification', () => {
    expect(zone()('dns-version.cluster.local', 'TXT')?.ips).toEqual(['1.1.0'])
  })

  it('answers its SOA record at the domain', () => {
    expect(zone()('cluster.local', 'SOA')?.answers).toMatchObject([{ type: 'SOA', name: 'cluster.local' }])
  })

  it('answers ANY with one type of records that there is', () => {
    const ask = zone()
    expect(ask('dual.shop.svc.cluster.local', 'ANY')?.ips).toEqual(['10.96.0.2'])
    expect(ask('six.shop.svc.cluster.local', 'ANY')?.ips).toEqual(['fd00::6'])
    expect(ask('shop.svc.cluster.local', 'ANY')).toMatchObject(NODATA)
  })

  it.each(['example.com', 'local', 'xcluster.local', 'cluster.local.example.com', '1.0.96.10.in-addr.arpa'])(
    'leaves %s to others',
    (name) => {
      expect(zone()(name)).toBeUndefined()
    },
  )

  it('answers with the new address once a Service was replaced', () => {
    const directory = new FakeServiceDirectory()
    const handler = clusterZone({ clusterDomain: 'cluster.local', ttlSeconds: 5 }, directory)
    const ask = (): string[] => {
      const decoded = decodeQuery(queryOf('web.shop.svc.cluster.local'))
      if (decoded.kind !== 'query') throw new Error('the test asks well')
      const answer = handler(decoded.query, { transport: 'udp' }) as Answer
      return answersIn(encodeResponse(decoded.query, answer.content, 512))
    }
    directory.set(web)
    expect(ask()).toEqual(['10.96.0.1'])

    directory.set(serviceOf('shop/web:http', '10.96.0.9', 80))
    expect(ask()).toEqual(['10.96.0.9'])
    directory.delete('shop', 'web')
    expect(ask()).toEqual([])
  })
})

describe('chain', () => {
  const decoded = decodeQuery(queryOf('a.b'))
  const query = decoded.kind === 'query' ? decoded.query : undefined
  const answer = emptyAnswer('forward', 'no-upstream', RCODE.SERVFAIL)
  const context = { transport: 'udp' } as const

  it('takes the first answer, at once where no handler waits', () => {
    if (query === undefined) throw new Error('the test asks well')
    const never = (): never => {
      throw new Error('asked after an answer')
    }
    expect(
      chain(
        () => undefined,
        () => answer,
        never,
      )(query, context),
    ).toBe(answer)
  })

  it('goes on after a handler that waited in vain', async () => {
    if (query === undefined) throw new Error('the test asks well')
    const handler = chain(
      async () => undefined,
      () => undefined,
      async () => answer,
    )
    expect(await handler(query, context)).toBe(answer)
  })
})
