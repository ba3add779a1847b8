import { randomUUID } from 'node:crypto'
import { mkdir, writeFile } from 'node:fs/promises'
import { LabError } from './errors.ts'
import type { LabHost } from './lab-host.ts'
import type { LabProcess } from './lab-process.ts'
import { LAN_BRIDGE, WAN_DEVICE } from './rulesets.ts'
import { mustRun } from './run-command.ts'

export interface PortMapperOptions {
  readonly natPmp?: boolean
  readonly upnp?: boolean
}

/** A router's service that maps ports. Disposing ends it; its mappings go with it. */
export class PortMapper implements AsyncDisposable {
  readonly process: LabProcess
  readonly #router: LabHost

  constructor(process: LabProcess, router: LabHost) {
    this.process = process
    this.#router = router
  }

  /** The redirections that it has made, as `external port -> address:port`. */
  async mappings(): Promise<string[]> {
    const { stdout } = await this.#router.exec([
      'nft',
      'list',
      'chain',
      'inet',
      TABLE,
      'prerouting_miniupnpd',
    ])
    const rules = stdout.matchAll(/th dport (\d+) .*dnat ip to ([\d.]+:\d+)/g)
    return [...rules].map(([, port, to]) => `${port} -> ${to}`)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.process[Symbol.asyncDispose]()
    await this.#router.exec(['nft', 'delete', 'table', 'inet', TABLE])
  }
}

const TABLE = 'miniupnpd'

/** What miniupnpd expects to be there. The router's own rules let in what was redirected. */
const RULES = `
table inet ${TABLE} {
  chain miniupnpd {}
  chain prerouting_miniupnpd {}
  chain postrouting_miniupnpd {}
  chain prerouting { type nat hook prerouting priority dstnat; policy accept; jump prerouting_miniupnpd; }
  chain postrouting { type nat hook postrouting priority srcnat - 1; policy accept; jump postrouting_miniupnpd; }
}
`

/**
 * Starts miniupnpd on a site's router (NAT-PMP and UPnP IGD). Resolves when it serves.
 *
 * @throws {LabError} with its own words when it does not start
 */
export async function startPortMapper(
  router: LabHost,
  { natPmp = true, upnp = true }: PortMapperOptions = {},
): Promise<PortMapper> {
  const { namespace } = router
  const nft = ['ip', 'netns', 'exec', namespace.name, 'nft', '-f', '-']
  await mustRun(nft, { input: RULES })
  const { stdout } = await router.exec(['nft', 'list', 'chain', 'ip', 'router', 'forward'])
  if (!stdout.includes('ct status dnat accept'))
    await mustRun(nft, { input: 'insert rule ip router forward ct status dnat accept\n' })
  const file = `${namespace.logFolder}/${namespace.name}.miniupnpd.conf`
  await mkdir(namespace.logFolder, { recursive: true })
  await writeFile(file, configuration({ natPmp, upnp }))
  const started = router.spawn(['miniupnpd', '-d', '-f', file, '-P', `${file}.pid`])
  await started.waitForOutput(/HTTP listening on port|Listening for NAT-PMP/, 10_000)
  if (!started.running) throw new LabError(`miniupnpd has ended: ${await started.output()}`)
  return new PortMapper(started, router)
}

function configuration({ natPmp, upnp }: Required<PortMapperOptions>): string {
  const yesOrNo = (is: boolean): string => (is ? 'yes' : 'no')
  return [
    `ext_ifname=${WAN_DEVICE}`,
    `listening_ip=${LAN_BRIDGE}`,
    'ipv6_disable=yes',
    `enable_natpmp=${yesOrNo(natPmp)}`,
    `enable_upnp=${yesOrNo(upnp)}`,
    `upnp_table_name=${TABLE}`,
    `upnp_nat_table_name=${TABLE}`,
    'secure_mode=yes',
    `uuid=${randomUUID()}`,
    'allow 1024-65535 0.0.0.0/0 1024-65535',
    'deny 0-65535 0.0.0.0/0 0-65535',
    '',
  ].join('\n')
}
