import { mkdir, writeFile } from 'node:fs/promises'
import type { LabHost } from './lab-host.ts'
import type { LabProcess } from './lab-process.ts'

/** Addresses by name; IPv4 and IPv6. */
export type DnsRecords = Readonly<Record<string, readonly string[]>>

/** A DNS server of "the internet" that runs. Disposing ends it. */
export class DnsUpstream implements AsyncDisposable {
  readonly process: LabProcess
  readonly #recordsFile: string
  #changes = 0

  constructor(process: LabProcess, recordsFile: string) {
    this.process = process
    this.#recordsFile = recordsFile
  }

  /** Answers with these records, and no others, from then on; resolves when it does. */
  async setRecords(records: DnsRecords): Promise<void> {
    await writeFile(this.#recordsFile, linesOf(records))
    // dnsmasq(8): it reads its hosts files again, and says so.
    this.process.kill('SIGHUP')
    this.#changes += 1
    await this.process.waitForOutput(new RegExp(`(?:${READ}[^]*){${this.#changes + 1}}`))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.process[Symbol.asyncDispose]()
  }
}

/** What it writes each time when it has read the records. */
const READ = String.raw`read \S+\.records - \d+`

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
): Promise<DnsUpstream> {
  const recordsFile = `${host.namespace.logFolder}/${host.namespace.name}.records`
  await mkdir(host.namespace.logFolder, { recursive: true })
  await writeFile(recordsFile, linesOf(records))
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
    `--addn-hosts=${recordsFile}`,
  ])
  await server.waitForOutput(new RegExp(READ))
  return new DnsUpstream(server, recordsFile)
}

/** As in /etc/hosts. */
function linesOf(records: DnsRecords): string {
  const lines = Object.entries(records).flatMap(([name, addresses]) =>
    addresses.map((address) => `${address} ${name}\n`),
  )
  return lines.join('')
}
