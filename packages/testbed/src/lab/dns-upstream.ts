import type { LabHost } from './lab-host.ts'
import type { LabProcess } from './lab-process.ts'

/** Addresses by name; IPv4 and IPv6. */
export type DnsRecords = Readonly<Record<string, readonly string[]>>

/**
 * Starts a DNS server for "the internet" on a host, port 53 of all its addresses, UDP and TCP: it answers with these
 * records, with NXDOMAIN for everything else, and logs each query. Resolves when it serves.
 *
 * @throws {LabError} with dnsmasq's own words when it does not start
 */
export async function startDnsUpstream(
  host: LabHost,
  records: DnsRecords,
  { ttlSeconds = 0 }: { readonly ttlSeconds?: number } = {},
): Promise<LabProcess> {
  const hostRecords = Object.entries(records).flatMap(([name, addresses]) =>
    addresses.map((address) => `--host-record=${name},${address}`),
  )
  const server = host.spawn([
    'dnsmasq',
    '--keep-in-foreground',
    '--conf-file=/dev/null',
    '--pid-file=',
    '--user=root',
    '--log-facility=-',
    '--log-queries',
    '--no-hosts',
    '--no-resolv',
    // Every domain is answered from here alone, so unknown names do not exist.
    '--local=/#/',
    `--local-ttl=${ttlSeconds}`,
    ...hostRecords,
  ])
  await server.waitForOutput(/started, version/)
  return server
}
