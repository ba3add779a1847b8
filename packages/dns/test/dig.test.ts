import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'
import { FakeUpstream } from './support/fake-upstream.ts'
import { resolving } from './support/names.ts'
import { replyTo } from './support/query.ts'
import { startServer } from './support/server.ts'
import { aliasService, zoneEndpoint, zoneService } from './support/zone.ts'

const DIG = '/usr/bin/dig'

async function dig({ ip, port }: { ip: string; port: number }, ...args: readonly string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(DIG, [`@${ip}`, '-p', `${port}`, '+tries=1', ...args])
  return stdout
}

describe.skipIf(!existsSync(DIG))('dig', () => {
  it.each([['+notcp'], ['+tcp'], ['+noedns'], ['+dnssec'], ['+bufsize=4096'], ['+nocookie']])(
    'finds a Service with %s, without a warning',
    async (option) => {
      await using dns = await startServer()
      const output = await dig(dns.address, option, 'Web.shop.svc.cluster.local', 'A')

      expect(output).toContain('status: NOERROR')
      expect(output).toMatch(/flags: qr aa rd ra; QUERY: 1, ANSWER: 1, AUTHORITY: 0/)
      expect(output).toMatch(/^Web\.shop\.svc\.cluster\.local\.\s+5\s+IN\s+A\s+10\.96\.0\.1$/m)
      // In capitals it is about the domain "local" only.
      expect(output).not.toContain('Warning:')
    },
  )

  it('goes through the search list of a pod', async () => {
    await using dns = await startServer()
    const output = await dig(
      dns.address,
      '+search',
      '+ndots=5',
      '+short',
      '+domain=shop.svc.cluster.local',
      'web',
    )

    expect(output).toBe('10.96.0.1\n')
  })

  it('shows the SOA record with "no such name" and "no such record"', async () => {
    await using dns = await startServer()
    const soa =
      /^cluster\.local\.\s+5\s+IN\s+SOA\s+ns\.dns\.cluster\.local\. hostmaster\.cluster\.local\. .* 5$/m

    const absent = await dig(dns.address, 'nope.shop.svc.cluster.local')
    expect(absent).toContain('status: NXDOMAIN')
    expect(absent).toMatch(soa)
    const noType = await dig(dns.address, 'web.shop.svc.cluster.local', 'AAAA')
    expect(noType).toContain('status: NOERROR')
    expect(noType).toMatch(soa)
  })

  it('is told that other classes, operations and versions of EDNS are not served', async () => {
    await using dns = await startServer()

    expect(await dig(dns.address, 'version.bind', 'TXT', 'CH')).toContain('status: REFUSED')
    expect(await dig(dns.address, '+opcode=NOTIFY', 'cluster.local', 'SOA')).toContain('status: NOTIMP')
    expect(await dig(dns.address, '+edns=1', '+noednsnegotiation', 'cluster.local')).toContain(
      'status: BADVERS',
    )
  })

  it('comes back over TCP for a large answer of an upstream', async () => {
    const many = Array.from({ length: 200 }, (_, i) => `192.0.2.${i}`)
    await using upstream = await FakeUpstream.start(({ message }) => [replyTo(message, many)])
    await using dns = await startServer({ upstreams: [upstream] })
    const output = await dig(dns.address, '+short', 'example.com')

    expect(output.trim().split('\n')).toHaveLength(200)
  })

  it('finds the peers of a StatefulSet: by their names, their port and their addresses', async () => {
    await using dns = await startServer()
    dns.services.set(zoneService('shop/db', [['sql', 5432]]), [
      zoneEndpoint('10.1.0.1', { hostname: 'db-0' }),
      zoneEndpoint('fd00::12', { hostname: 'db-1' }),
    ])

    expect(await dig(dns.address, '+short', 'db-0.db.shop.svc.cluster.local')).toBe('10.1.0.1\n')
    const srv = await dig(dns.address, '_sql._tcp.db.shop.svc.cluster.local', 'SRV')
    expect(srv).toMatch(/ANSWER: 2, AUTHORITY: 0, ADDITIONAL: 3$/m)
    expect(srv).toMatch(/^_sql\S+\s+5\s+IN\s+SRV\s+0 100 5432 db-0\.db\.shop\.svc\.cluster\.local\.$/m)
    expect(srv).toMatch(/^db-1\.db\.shop\.svc\.cluster\.local\.\s+5\s+IN\s+AAAA\s+fd00::12$/m)
    expect(await dig(dns.address, '+short', '-x', '10.1.0.1')).toBe('db-0.db.shop.svc.cluster.local.\n')
    expect(await dig(dns.address, '+short', '-x', 'fd00::12')).toBe('db-1.db.shop.svc.cluster.local.\n')
    expect(await dig(dns.address, '+short', '-x', '10.96.0.1')).toBe('web.shop.svc.cluster.local.\n')
  })

  it('follows an external name into the cluster, and reads the name of a pod', async () => {
    await using dns = await startServer()
    dns.services.set(aliasService('shop/alias', 'web.shop.svc.cluster.local'))

    expect(await dig(dns.address, '+short', 'alias.shop.svc.cluster.local')).toBe(
      'web.shop.svc.cluster.local.\n10.96.0.1\n',
    )
    expect(await dig(dns.address, '+short', '10-1-0-7.shop.pod.cluster.local')).toBe('10.1.0.7\n')
  })

  it('gets the addresses behind an external name outside of the cluster', async () => {
    await using upstream = await FakeUpstream.start(resolving({ 'www.example.com': ['192.0.2.1'] }))
    await using dns = await startServer({ upstreams: [upstream] })
    dns.services.set(aliasService('shop/site', 'www.example.com'))

    for (const option of ['+notcp', '+tcp']) {
      const output = await dig(dns.address, option, 'Site.shop.svc.cluster.local')
      expect(output).toMatch(/flags: qr aa rd ra; QUERY: 1, ANSWER: 2, AUTHORITY: 0/)
      expect(output).toMatch(/^Site\.shop\.svc\.cluster\.local\.\s+5\s+IN\s+CNAME\s+www\.example\.com\.$/m)
      expect(output).toMatch(/^www\.example\.com\.\s+60\s+IN\s+A\s+192\.0\.2\.1$/im)
    }
  })

  it('asks upstreams for addresses that are not of the cluster', async () => {
    await using upstream = await FakeUpstream.start(({ message }) => [replyTo(message, [])])
    await using dns = await startServer({ upstreams: [upstream] })

    await dig(dns.address, '-x', '192.0.2.1')
    await dig(dns.address, '-x', '10.96.0.1')
    expect(upstream.received).toHaveLength(1)
  })

  it('comes back over TCP for a headless Service with many endpoints', async () => {
    await using dns = await startServer()
    const many = Array.from({ length: 200 }, (_, i) => zoneEndpoint(`10.1.0.${i}`))
    dns.services.set(zoneService('shop/db', [['sql', 5432]]), many)

    const output = await dig(dns.address, '+short', 'db.shop.svc.cluster.local')
    expect(output.trim().split('\n')).toHaveLength(200)
  })
})
