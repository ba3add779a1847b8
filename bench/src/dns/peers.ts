import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Lab, LabHost, LabProcess } from '@edgeway/testbed'
import { hostsOf, type NamedAddresses } from './names.ts'

/** As the agent's answers have it. */
const CLUSTER_TTL_SECONDS = 5
/** Longer than a bench runs. */
const EXTERNAL_TTL_SECONDS = 86_400

const DNSMASQ = [
  'dnsmasq',
  '--keep-in-foreground',
  '--conf-file=/dev/null',
  '--pid-file=',
  '--user=root',
  '--log-facility=-',
  '--no-hosts',
  '--no-resolv',
]

export interface PeerPlan {
  /** Where it listens, port 53. */
  readonly address: string
  /** The cluster's names, which it answers by itself. */
  readonly names: NamedAddresses
  /** Whom it asks for all others. */
  readonly upstream: string
}

/** The internet's names: an upstream that answers these, and says that there are no others. */
export async function startInternet(lab: Lab, host: LabHost, names: NamedAddresses): Promise<LabProcess> {
  const hosts = await written(lab, 'internet.hosts', hostsOf(names))
  return started(
    host.spawn([
      ...DNSMASQ,
      '--local=/#/',
      `--local-ttl=${EXTERNAL_TTL_SECONDS}`,
      '--dns-forward-max=10000',
      `--addn-hosts=${hosts}`,
    ]),
    /started, version/,
  )
}

/** dnsmasq with the cluster's names as hosts, and as a cache of all others; it has one thread. */
export async function startDnsmasq(lab: Lab, host: LabHost, plan: PeerPlan): Promise<LabProcess> {
  const hosts = await written(lab, `dnsmasq-${plan.names.size}.hosts`, hostsOf(plan.names))
  return started(
    host.spawn([
      ...DNSMASQ,
      '--bind-interfaces',
      `--listen-address=${plan.address}`,
      '--local=/cluster.local/',
      `--local-ttl=${CLUSTER_TTL_SECONDS}`,
      `--addn-hosts=${hosts}`,
      `--server=${plan.upstream}`,
      '--cache-size=10000',
      '--dns-forward-max=1000',
    ]),
    /started, version/,
  )
}

/** unbound with the cluster's names as local data, and as a cache of all others, with one thread and without DNSSEC. */
export async function startUnbound(lab: Lab, host: LabHost, plan: PeerPlan): Promise<LabProcess> {
  const file = await written(lab, `unbound-${plan.names.size}.conf`, unboundConfig(plan))
  return started(host.spawn(['unbound', '-d', '-c', file]), /start of service/)
}

async function started(server: LabProcess, sign: RegExp): Promise<LabProcess> {
  await server.waitForOutput(sign)
  return server
}

async function written(lab: Lab, name: string, content: string): Promise<string> {
  const file = join(lab.logFolder, name)
  await writeFile(file, content)
  return file
}

function unboundConfig({ address, names, upstream }: PeerPlan): string {
  const data = [...names].map(([name, ip]) => `  local-data: "${name}. ${CLUSTER_TTL_SECONDS} IN A ${ip}"`)
  return `
server:
  interface: ${address}
  access-control: 0.0.0.0/0 allow
  num-threads: 1
  module-config: "iterator"
  do-daemonize: no
  use-syslog: no
  logfile: ""
  verbosity: 1
  username: ""
  chroot: ""
  directory: ""
  pidfile: ""
  local-zone: "cluster.local." static
${data.join('\n')}
forward-zone:
  name: "."
  forward-addr: ${upstream}
remote-control:
  control-enable: no
`
}
