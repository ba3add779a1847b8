/** The records that the Kubernetes DNS specification 1.1 demands, by its sections. */
import { describe, expect, it } from 'vitest'
import {
  type AskedType,
  aliasService,
  ZoneUnderTest,
  zoneEndpoint,
  zoneService,
} from '../../test/support/zone.ts'
import type { AnswerRule } from '../handler.ts'
import { RCODE } from '../wire/codes.ts'

const DOMAIN = 'svc.cluster.local'
const REVERSE_SIX = (last: string): string => `${last}${'.0'.repeat(28)}.d.f.ip6.arpa`

function cluster(): ZoneUnderTest {
  const zone = new ZoneUnderTest()
  const { directory } = zone
  directory.set(
    zoneService(
      'shop/web',
      [
        ['http', 80],
        ['dns', 53, 'UDP'],
        ['', 81],
      ],
      { clusterIps: ['10.96.0.1', 'fd00::1'] },
    ),
  )
  directory.set(
    zoneService('shop/db', [
      ['sql', 3306],
      ['admin', 9000],
    ]),
    [
      zoneEndpoint('10.1.0.1', { hostname: 'db-0' }),
      zoneEndpoint('fd00::11', { hostname: 'db-0' }),
      zoneEndpoint('10.1.0.2', { hostname: 'DB-1' }),
      zoneEndpoint('10.1.0.3'),
      zoneEndpoint('fd00::13'),
      zoneEndpoint('fd00::', { port: 5433 }),
      zoneEndpoint('10.1.0.8', { hostname: 'not-ready', ready: false }),
      zoneEndpoint('10.1.0.9', { hostname: 'ends', ready: false, terminating: true }),
    ],
  )
  directory.set(zoneService('shop/starting', [['sql', 3306]], { publishNotReadyAddresses: true }), [
    zoneEndpoint('10.1.0.21', { hostname: 'new-0', ready: false, serving: false }),
    zoneEndpoint('10.1.0.22', { hostname: 'old-0', ready: true, terminating: true }),
    zoneEndpoint('10.1.0.23', { hostname: 'gone-0', ready: false, terminating: true }),
  ])
  directory.set(aliasService('shop/outside', 'www.Example.com'))
  directory.set(aliasService('shop/inside', `web.shop.${DOMAIN}.`))
  directory.set(aliasService('shop/twice', `inside.shop.${DOMAIN}`))
  directory.set(aliasService('shop/peer', `db-0.db.shop.${DOMAIN}`))
  return zone
}

type Row = readonly [
  section: string,
  rule: AnswerRule,
  name: string,
  type: AskedType,
  data: readonly string[],
]

const ROWS: readonly Row[] = [
  ['2.2 version', 'dns-version', 'dns-version.cluster.local', 'TXT', ['TXT 1.1.0']],
  ['2.3.1 ClusterIP', 'service', `web.shop.${DOMAIN}`, 'A', ['A 10.96.0.1']],
  ['2.3.1 ClusterIP, IPv6', 'service', `web.shop.${DOMAIN}`, 'AAAA', ['AAAA fd00::1']],
  ['2.3.2 port', 'service-port', `_http._tcp.web.shop.${DOMAIN}`, 'SRV', [`SRV 0 100 80 web.shop.${DOMAIN}`]],
  [
    '2.3.2 port, UDP',
    'service-port',
    `_dns._udp.web.shop.${DOMAIN}`,
    'SRV',
    [`SRV 0 100 53 web.shop.${DOMAIN}`],
  ],
  ['2.3.3 reverse', 'address', '1.0.96.10.in-addr.arpa', 'PTR', [`PTR web.shop.${DOMAIN}`]],
  ['2.3.3 reverse, IPv6', 'address', REVERSE_SIX('1.0'), 'PTR', [`PTR web.shop.${DOMAIN}`]],
  [
    '2.4.1 headless',
    'headless-service',
    `db.shop.${DOMAIN}`,
    'A',
    ['A 10.1.0.1', 'A 10.1.0.2', 'A 10.1.0.3'],
  ],
  [
    '2.4.1 headless, IPv6',
    'headless-service',
    `db.shop.${DOMAIN}`,
    'AAAA',
    ['AAAA fd00::11', 'AAAA fd00::13', 'AAAA fd00::'],
  ],
  [
    '2.4.1 not ready, but published',
    'headless-service',
    `starting.shop.${DOMAIN}`,
    'A',
    ['A 10.1.0.21', 'A 10.1.0.22'],
  ],
  ['2.4.1 published to its end', 'endpoint', `old-0.starting.shop.${DOMAIN}`, 'A', ['A 10.1.0.22']],
  ['2.4.1 host', 'endpoint', `db-0.db.shop.${DOMAIN}`, 'A', ['A 10.1.0.1']],
  ['2.4.1 host, IPv6', 'endpoint', `db-0.db.shop.${DOMAIN}`, 'AAAA', ['AAAA fd00::11']],
  ['2.4.1 host in another case', 'endpoint', `db-1.db.shop.${DOMAIN}`, 'A', ['A 10.1.0.2']],
  ['2.4.1 host not ready, but published', 'endpoint', `new-0.starting.shop.${DOMAIN}`, 'A', ['A 10.1.0.21']],
  ['2.4.1 no host name', 'endpoint', `10-1-0-3.db.shop.${DOMAIN}`, 'A', ['A 10.1.0.3']],
  ['2.4.1 no host name, IPv6', 'endpoint', `fd00--13.db.shop.${DOMAIN}`, 'AAAA', ['AAAA fd00::13']],
  [
    '2.4.1 no host name, IPv6 with zeros at its end',
    'endpoint',
    `fd00--0.db.shop.${DOMAIN}`,
    'AAAA',
    ['AAAA fd00::'],
  ],
  [
    '2.4.2 port of each host',
    'service-port',
    `_sql._tcp.db.shop.${DOMAIN}`,
    'SRV',
    ['5432 db-0', '5432 db-1', '5432 10-1-0-3', '5432 fd00--13', '5433 fd00--0'].map(
      (target) => `SRV 0 100 ${target}.db.shop.${DOMAIN}`,
    ),
  ],
  ['2.4.3 reverse of a host', 'address', '1.0.1.10.in-addr.arpa', 'PTR', [`PTR db-0.db.shop.${DOMAIN}`]],
  [
    '2.4.3 reverse without host name',
    'address',
    '3.0.1.10.in-addr.arpa',
    'PTR',
    [`PTR 10-1-0-3.db.shop.${DOMAIN}`],
  ],
  ['2.4.3 reverse, IPv6', 'address', REVERSE_SIX('1.1'), 'PTR', [`PTR db-0.db.shop.${DOMAIN}`]],
  [
    '2.4.3 reverse, not ready, but published',
    'address',
    '21.0.1.10.in-addr.arpa',
    'PTR',
    [`PTR new-0.starting.shop.${DOMAIN}`],
  ],
  ['2.5 external name', 'external-name', `outside.shop.${DOMAIN}`, 'A', ['CNAME www.example.com']],
  ['2.5 external name, IPv6', 'external-name', `outside.shop.${DOMAIN}`, 'AAAA', ['CNAME www.example.com']],
  [
    '2.5 external name itself',
    'external-name',
    `inside.shop.${DOMAIN}`,
    'CNAME',
    [`CNAME web.shop.${DOMAIN}`],
  ],
  ['pod', 'pod', '10-1-0-7.shop.pod.cluster.local', 'A', ['A 10.1.0.7']],
  ['pod, IPv6', 'pod', 'fd00--7.shop.pod.cluster.local', 'AAAA', ['AAAA fd00::7']],
  ['pod, IPv6 in full', 'pod', 'fd00-0-0-0-0-0-0-7.shop.pod.cluster.local', 'AAAA', ['AAAA fd00::7']],
]

describe('the Kubernetes DNS specification', () => {
  it.each(ROWS)('%s: by the rule %s, %s %s', (...row) => {
    const [, rule, name, type, data] = row
    using zone = cluster()
    expect(zone.ask(name, type)).toMatchObject({
      rule,
      rcode: RCODE.NOERROR,
      answers: data.map((text) => `${name} ${text}`),
      authorities: [],
      isAuthoritative: true,
    })
  })

  it.each(ROWS)('%s: by the rule %s, %s %s in another case, which the answer keeps', (...row) => {
    const [, rule, name, type, data] = row
    using zone = cluster()
    const shouted = name.toUpperCase()
    expect(zone.ask(shouted, type)).toMatchObject({ rule, answers: data.map((text) => `${shouted} ${text}`) })
  })

  it.each(ROWS)('%s: by the rule %s, %s %s is made once', (...row) => {
    const [section, , name, type] = row
    using zone = cluster()
    const [one, other] = [zone.answer(name, type), zone.answer(name, type)]
    // Anybody may ask for any pod's name: what is kept for those would grow without bound.
    expect(one === other).toBe(!section.startsWith('pod'))
  })

  it('2.3.2, 2.4.2: adds the addresses of what a port is at', () => {
    using zone = cluster()
    expect(zone.ask(`_http._tcp.web.shop.${DOMAIN}`, 'SRV')?.additionals).toEqual([
      `web.shop.${DOMAIN} A 10.96.0.1`,
      `web.shop.${DOMAIN} AAAA fd00::1`,
    ])
    expect(zone.ask(`_sql._tcp.db.shop.${DOMAIN}`, 'SRV')?.additionals.slice(0, 3)).toEqual([
      `db-0.db.shop.${DOMAIN} A 10.1.0.1`,
      `db-0.db.shop.${DOMAIN} AAAA fd00::11`,
      `db-1.db.shop.${DOMAIN} A 10.1.0.2`,
    ])
  })

  it('2.4.2: leaves the addresses out rather than the answer', () => {
    using zone = cluster()
    const whole = zone.ask(`_sql._tcp.db.shop.${DOMAIN}`, 'SRV')
    const small = zone.ask(`_sql._tcp.db.shop.${DOMAIN}`, 'SRV', 512)
    expect(small).toEqual({ ...whole, additionals: [] })
    expect(whole?.additionals).not.toEqual([])
  })

  it('2.5: adds what an external name leads to within the cluster', () => {
    using zone = cluster()
    const web = `web.shop.${DOMAIN}`
    expect(zone.ask(`inside.shop.${DOMAIN}`)?.answers).toEqual([
      `inside.shop.${DOMAIN} CNAME ${web}`,
      `${web} A 10.96.0.1`,
    ])
    expect(zone.ask(`twice.shop.${DOMAIN}`, 'AAAA')?.answers).toEqual([
      `twice.shop.${DOMAIN} CNAME inside.shop.${DOMAIN}`,
      `inside.shop.${DOMAIN} CNAME ${web}`,
      `${web} AAAA fd00::1`,
    ])
    expect(zone.ask(`peer.shop.${DOMAIN}`)?.answers).toEqual([
      `peer.shop.${DOMAIN} CNAME db-0.db.shop.${DOMAIN}`,
      `db-0.db.shop.${DOMAIN} A 10.1.0.1`,
    ])
    expect(zone.answer(`twice.shop.${DOMAIN}`)).toBe(zone.answer(`twice.shop.${DOMAIN}`))
  })
})
