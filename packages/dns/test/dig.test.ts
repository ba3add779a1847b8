import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'
import { FakeUpstream } from './support/fake-upstream.ts'
import { replyTo } from './support/query.ts'
import { startServer } from './support/server.ts'

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
})
