/** Where a name exists without such records (NODATA) and where it does not exist (NXDOMAIN, RFC 8020). */
import { describe, expect, it } from 'vitest'
import {
  type AskedType,
  aliasService,
  ZoneUnderTest,
  zoneEndpoint,
  zoneService,
} from '../../test/support/zone.ts'
import { RCODE } from '../wire/codes.ts'

const DOMAIN = 'svc.cluster.local'

function cluster(options: { loaded?: boolean } = {}): ZoneUnderTest {
  const zone = new ZoneUnderTest(options)
  const { directory } = zone
  directory.set(zoneService('shop/web', [['http', 80]], { clusterIps: ['10.96.0.1'] }))
  directory.set(zoneService('shop/unnamed', [['', 80]], { clusterIps: ['10.96.0.2'] }))
  directory.set(zoneService('shop/pending', [['http', 80]], { headless: false }))
  directory.set(
    zoneService('shop/db', [
      ['sql', 5432],
      ['idle', 9000],
    ]),
    [
      zoneEndpoint('10.1.0.1', { hostname: 'db-0' }),
      zoneEndpoint('10.1.0.8', { hostname: 'not-ready', ready: false }),
      zoneEndpoint('10.1.0.9', { hostname: 'ends', ready: false, terminating: true }),
    ],
  )
  directory.set(zoneService('shop/nobody', [['sql', 5432]]), [zoneEndpoint('10.1.0.7', { ready: false })])
  directory.set(zoneService('shop/portless', []))
  directory.set(aliasService('shop/outside', 'example.com'))
  directory.set(aliasService('shop/dangling', `nope.shop.${DOMAIN}`))
  directory.set(aliasService('shop/inside', `web.shop.${DOMAIN}`))
  directory.set(aliasService('shop/overlong', `${'x'.repeat(64)}.example.com`))
  directory.set(aliasService('shop/ping', `pong.shop.${DOMAIN}`))
  directory.set(aliasService('shop/pong', `ping.shop.${DOMAIN}`))
  return zone
}

const NODATA: readonly (readonly [string, string, AskedType])[] = [
  ['the domain', 'cluster.local', 'A'],
  ['svc', DOMAIN, 'A'],
  ['a namespace', `shop.${DOMAIN}`, 'A'],
  ['a ClusterIP Service of the other family', `web.shop.${DOMAIN}`, 'AAAA'],
  ['a ClusterIP Service and SRV', `web.shop.${DOMAIN}`, 'SRV'],
  ['a Service that waits for its ClusterIP', `pending.shop.${DOMAIN}`, 'A'],
  ['a protocol of a ClusterIP Service', `_tcp.web.shop.${DOMAIN}`, 'SRV'],
  ['a named port and A', `_http._tcp.web.shop.${DOMAIN}`, 'A'],
  ['a headless Service of the other family', `db.shop.${DOMAIN}`, 'AAAA'],
  ['a host of the other family', `db-0.db.shop.${DOMAIN}`, 'AAAA'],
  ['a protocol of a headless Service', `_tcp.db.shop.${DOMAIN}`, 'ANY'],
  ['a named port of a headless Service and AAAA', `_sql._tcp.db.shop.${DOMAIN}`, 'AAAA'],
  ['a headless Service whose endpoints the directory can not tell', `portless.shop.${DOMAIN}`, 'A'],
  ['an external name that is no name', `overlong.shop.${DOMAIN}`, 'A'],
  ['pod', 'pod.cluster.local', 'A'],
  ['a namespace of pods', 'shop.pod.cluster.local', 'A'],
  ['a namespace of pods without any Service', 'other.pod.cluster.local', 'A'],
  ['a pod of the other family', '10-1-0-7.shop.pod.cluster.local', 'AAAA'],
  ['an IPv6 pod and A', 'fd00--7.shop.pod.cluster.local', 'A'],
]

const ABSENT: readonly (readonly [string, string, AskedType])[] = [
  ['a Service', `nope.shop.${DOMAIN}`, 'A'],
  ['a namespace', `nope.${DOMAIN}`, 'A'],
  ['a headless Service that nobody ready serves', `nobody.shop.${DOMAIN}`, 'A'],
  ['a port that nobody ready serves', `_sql._tcp.nobody.shop.${DOMAIN}`, 'SRV'],
  ['a protocol that nobody ready serves', `_tcp.nobody.shop.${DOMAIN}`, 'SRV'],
  ['a port without an endpoint', `_idle._tcp.db.shop.${DOMAIN}`, 'SRV'],
  ['a host', `db-9.db.shop.${DOMAIN}`, 'A'],
  ['a host that is not ready', `not-ready.db.shop.${DOMAIN}`, 'A'],
  ['a host that ends', `ends.db.shop.${DOMAIN}`, 'A'],
  ['the address of a host that has a name', `10-1-0-1.db.shop.${DOMAIN}`, 'A'],
  ['a name below a host', `x.db-0.db.shop.${DOMAIN}`, 'A'],
  ['an endpoint of a ClusterIP Service', `10-1-0-1.web.shop.${DOMAIN}`, 'A'],
  ['a port', `_nope._tcp.web.shop.${DOMAIN}`, 'SRV'],
  ['a port of another protocol', `_http._udp.web.shop.${DOMAIN}`, 'SRV'],
  ['a protocol', `_udp.web.shop.${DOMAIN}`, 'SRV'],
  ['an unnamed port', `_._tcp.unnamed.shop.${DOMAIN}`, 'SRV'],
  ['a protocol of unnamed ports', `_tcp.unnamed.shop.${DOMAIN}`, 'SRV'],
  ['a port without its protocol', `_http.web.shop.${DOMAIN}`, 'SRV'],
  ['a name below a port', `x._http._tcp.web.shop.${DOMAIN}`, 'SRV'],
  ['a name below an external name', `x.outside.shop.${DOMAIN}`, 'A'],
  ['a branch of the domain', 'nope.cluster.local', 'A'],
  ['a name below dns-version', 'x.dns-version.cluster.local', 'TXT'],
]

/** Said by names alone, so also before the directory was loaded. */
const NEVER: readonly (readonly [string, string, AskedType])[] = [
  ['a pod that is no address', 'nginx.shop.pod.cluster.local', 'A'],
  ['a pod with too large an address', '10-1-0-256.shop.pod.cluster.local', 'A'],
  ['a pod with zeros before its address', '10-01-0-1.shop.pod.cluster.local', 'A'],
  ['a name below a pod', 'x.10-1-0-7.shop.pod.cluster.local', 'A'],
]

const negative = (rcode: number) => ({
  rcode,
  answers: [],
  authorities: ['cluster.local SOA'],
  isAuthoritative: true,
})

describe('negative answers', () => {
  it.each(NODATA)('say "no such record" of %s', (_what, name, type) => {
    using zone = cluster()
    expect(zone.ask(name, type)).toMatchObject(negative(RCODE.NOERROR))
  })

  it.each([...ABSENT, ...NEVER])('say "no such name" of the absent: %s', (_what, name, type) => {
    using zone = cluster()
    expect(zone.ask(name, type)).toMatchObject(negative(RCODE.NXDOMAIN))
  })

  it.each(ABSENT)('say nothing of the absent before the directory was loaded: %s', (_what, name, type) => {
    using zone = cluster({ loaded: false })
    expect(zone.ask(name, type)).toMatchObject({ rcode: RCODE.SERVFAIL, rule: 'directory-not-loaded' })
  })

  it.each(NEVER)('say "no such name" even then of %s', (_what, name, type) => {
    using zone = cluster({ loaded: false })
    expect(zone.ask(name, type)).toMatchObject(negative(RCODE.NXDOMAIN))
  })

  it('have the response code of what an external name leads to', () => {
    using zone = cluster()
    expect(zone.ask(`dangling.shop.${DOMAIN}`)).toMatchObject({
      rcode: RCODE.NXDOMAIN,
      answers: [`dangling.shop.${DOMAIN} CNAME nope.shop.${DOMAIN}`],
      authorities: ['cluster.local SOA'],
    })
    expect(zone.ask(`inside.shop.${DOMAIN}`, 'AAAA')).toMatchObject({
      rcode: RCODE.NOERROR,
      answers: [`inside.shop.${DOMAIN} CNAME web.shop.${DOMAIN}`],
      authorities: ['cluster.local SOA'],
    })
    using unloaded = cluster({ loaded: false })
    expect(unloaded.ask(`dangling.shop.${DOMAIN}`)?.rcode).toBe(RCODE.SERVFAIL)
  })

  it('are not given for external names that lead in a circle: nothing is known of them, but where they lead', () => {
    using zone = cluster()
    expect(zone.ask(`ping.shop.${DOMAIN}`)).toMatchObject({
      rule: 'alias-chain',
      rcode: RCODE.SERVFAIL,
      answers: [],
    })
    expect(zone.ask(`ping.shop.${DOMAIN}`, 'CNAME')?.answers).toEqual([
      `ping.shop.${DOMAIN} CNAME pong.shop.${DOMAIN}`,
    ])
  })

  it('say "no such record" of an address that is known, as its own zone', () => {
    using zone = cluster()
    expect(zone.ask('1.0.96.10.in-addr.arpa', 'A')).toMatchObject({
      rcode: RCODE.NOERROR,
      answers: [],
      authorities: ['1.0.96.10.in-addr.arpa SOA'],
    })
  })

  it.each([
    '9.0.96.10.in-addr.arpa',
    '8.0.1.10.in-addr.arpa',
    '9.0.1.10.in-addr.arpa',
    '0.96.10.in-addr.arpa',
    'x.1.0.96.10.in-addr.arpa',
    '01.0.96.10.in-addr.arpa',
    '1.0.96.10.ip6.arpa',
    'in-addr.arpa',
    'arpa',
  ])('are not given for %s, which is left to others', (name) => {
    using zone = cluster()
    expect(zone.ask(name, 'PTR')).toBeUndefined()
  })
})
