import { formatServicePortName } from '@edgeway/core'
import { describe, expect, it } from 'vitest'
import { aliasService, ZoneUnderTest, zoneEndpoint, zoneService } from '../../test/support/zone.ts'
import { RCODE } from '../wire/codes.ts'

const DB = 'db.shop.svc.cluster.local'
const SQL = formatServicePortName('shop', 'db', 'sql')
const ADMIN = formatServicePortName('shop', 'db', 'admin')
const db = zoneService('shop/db', [
  ['sql', 5432],
  ['admin', 9000],
])
const first = zoneEndpoint('10.1.0.1', { hostname: 'db-0' })
const second = zoneEndpoint('10.1.0.2', { hostname: 'db-1' })

describe('a change of the directory', () => {
  it('is in effect for a headless Service: one more, one less, none', () => {
    using zone = new ZoneUnderTest()
    zone.directory.set(db, [first])
    expect(zone.ask(DB)?.answers).toEqual([`${DB} A 10.1.0.1`])

    zone.directory.setEndpoints(SQL, [first, second])
    expect(zone.ask(DB)?.answers).toEqual([`${DB} A 10.1.0.1`, `${DB} A 10.1.0.2`])
    expect(zone.ask(`_sql._tcp.${DB}`, 'SRV')?.answers).toHaveLength(2)
    zone.directory.setEndpoints(SQL, [second])
    expect(zone.ask(`db-0.${DB}`)?.rcode).toBe(RCODE.NXDOMAIN)
    expect(zone.ask(`_sql._tcp.${DB}`, 'SRV')?.answers).toEqual([`_sql._tcp.${DB} SRV 0 100 5432 db-1.${DB}`])
    zone.directory.setEndpoints(SQL, [])
    expect(zone.ask(DB)?.rcode).toBe(RCODE.NXDOMAIN)
  })

  it('is in effect at whichever port it was, with each address once', () => {
    using zone = new ZoneUnderTest()
    zone.directory.set(db, [first])
    zone.ask(DB)
    zone.directory.setEndpoints(ADMIN, [
      { ...first, port: 9000 },
      { ...second, port: 9000 },
    ])
    expect(zone.ask(DB)?.answers).toEqual([`${DB} A 10.1.0.1`, `${DB} A 10.1.0.2`])
    expect(zone.ask(`_admin._tcp.${DB}`, 'SRV')?.answers).toHaveLength(2)
    expect(zone.ask(`_sql._tcp.${DB}`, 'SRV')?.answers).toHaveLength(1)
  })

  it('is in effect when a pod becomes ready, and when it ends', () => {
    using zone = new ZoneUnderTest()
    zone.directory.set(db, [{ ...first, ready: false }])
    expect(zone.ask(DB)?.rcode).toBe(RCODE.NXDOMAIN)
    zone.directory.setEndpoints(SQL, [first])
    expect(zone.ask(DB)?.rcode).toBe(RCODE.NOERROR)
    zone.directory.setEndpoints(SQL, [{ ...first, ready: false, serving: true, terminating: true }])
    expect(zone.ask(DB)?.rcode).toBe(RCODE.NXDOMAIN)
  })

  it('is in effect when a Service publishes those that are not ready', () => {
    using zone = new ZoneUnderTest()
    zone.directory.set(db, [{ ...first, ready: false }])
    expect(zone.ask(DB)?.rcode).toBe(RCODE.NXDOMAIN)
    expect(zone.ask('1.0.1.10.in-addr.arpa', 'PTR')).toBeUndefined()
    zone.directory.set({ ...db, publishNotReadyAddresses: true })
    expect(zone.ask(DB)?.answers).toEqual([`${DB} A 10.1.0.1`])
    expect(zone.ask('1.0.1.10.in-addr.arpa', 'PTR')?.answers).toHaveLength(1)
  })

  it('is in effect for addresses of endpoints', () => {
    using zone = new ZoneUnderTest()
    zone.directory.set(db, [first])
    const ask = (name: string) => zone.ask(name, 'PTR')?.answers
    expect(ask('1.0.1.10.in-addr.arpa')).toEqual([`1.0.1.10.in-addr.arpa PTR db-0.${DB}`])

    zone.directory.setEndpoints(SQL, [{ ...first, hostname: 'db-7' }, second])
    expect(ask('1.0.1.10.in-addr.arpa')).toEqual([`1.0.1.10.in-addr.arpa PTR db-7.${DB}`])
    expect(ask('2.0.1.10.in-addr.arpa')).toEqual([`2.0.1.10.in-addr.arpa PTR db-1.${DB}`])
    zone.directory.delete('shop', 'db')
    expect(ask('1.0.1.10.in-addr.arpa')).toBeUndefined()
  })

  it('is in effect for ClusterIPs, the other way round, too', () => {
    using zone = new ZoneUnderTest()
    const ask = (name: string) => zone.ask(name, 'PTR')?.answers
    zone.directory.set(zoneService('shop/web', [['http', 80]], { clusterIps: ['10.96.0.1'] }))
    expect(ask('1.0.96.10.in-addr.arpa')).toHaveLength(1)
    zone.directory.set(zoneService('shop/web', [['http', 80]], { clusterIps: ['10.96.0.2'] }))
    expect(ask('1.0.96.10.in-addr.arpa')).toBeUndefined()
    expect(ask('2.0.96.10.in-addr.arpa')).toEqual(['2.0.96.10.in-addr.arpa PTR web.shop.svc.cluster.local'])
  })

  it('gives an address one more name, and leaves it the others when one goes', () => {
    using zone = new ZoneUnderTest()
    const ask = () => zone.ask('1.0.1.10.in-addr.arpa', 'PTR')?.answers
    zone.directory.set(db, [first])
    expect(ask()).toHaveLength(1)
    zone.directory.set(zoneService('shop/peers', [['sql', 5432]]), [first])
    expect(ask()).toHaveLength(2)
    zone.directory.delete('shop', 'db')
    expect(ask()).toEqual(['1.0.1.10.in-addr.arpa PTR db-0.peers.shop.svc.cluster.local'])
  })

  it('is in effect behind an external name', () => {
    using zone = new ZoneUnderTest()
    const alias = 'alias.shop.svc.cluster.local'
    zone.directory.set(aliasService('shop/alias', DB))
    zone.directory.set(db, [first])
    expect(zone.ask(alias)?.answers).toEqual([`${alias} CNAME ${DB}`, `${DB} A 10.1.0.1`])
    zone.directory.setEndpoints(SQL, [second])
    expect(zone.ask(alias)?.answers).toEqual([`${alias} CNAME ${DB}`, `${DB} A 10.1.0.2`])
    zone.directory.set(aliasService('shop/alias', 'example.com'))
    expect(zone.ask(alias)?.answers).toEqual([`${alias} CNAME example.com`])
  })

  it('finds addresses that were there before the zone, and is not followed after its end', () => {
    const zone = new ZoneUnderTest()
    zone.directory.set(db, [first])
    zone[Symbol.dispose]()
    zone.directory.setEndpoints(SQL, [second])
    expect(zone.ask('2.0.1.10.in-addr.arpa', 'PTR')).toBeUndefined()
    expect(zone.ask(DB)?.answers).toEqual([`${DB} A 10.1.0.2`])
  })
})
