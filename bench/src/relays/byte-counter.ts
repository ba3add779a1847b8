import type { LabHost } from '@edgeway/testbed'
import { mustExec } from '../probes/must-exec.ts'

const TABLE = 'edgeway_bench'

export interface Bytes {
  readonly received: number
  readonly sent: number
}

/** Which TCP bytes are counted, as an expression of nft about the other side's port, e.g. `!= 8080`. */
export interface CountedPorts {
  readonly ofOthers?: string
  readonly own?: string
  /** All UDP besides, e.g. multicast DNS. */
  readonly isWithUdp?: boolean
}

/** Counts TCP bytes of a host, and UDP where wanted, with their IP headers, and without those that stay on the host. */
export class ByteCounter implements AsyncDisposable {
  readonly #host: LabHost

  private constructor(host: LabHost) {
    this.#host = host
  }

  /** One per host at a time. */
  static async start(
    host: LabHost,
    { ofOthers, own, isWithUdp = false }: CountedPorts,
  ): Promise<ByteCounter> {
    const ports = (other: string, mine: string): string =>
      [
        ofOthers === undefined ? '' : `tcp ${other} ${ofOthers}`,
        own === undefined ? '' : `tcp ${mine} ${own}`,
      ].join(' ')
    const udp = isWithUdp ? udpRules() : ''
    const rules = `
      add table ip ${TABLE}
      add chain ip ${TABLE} received { type filter hook input priority 300; }
      add chain ip ${TABLE} sent { type filter hook output priority 300; }
      add counter ip ${TABLE} received
      add counter ip ${TABLE} sent
      add rule ip ${TABLE} received iifname != "lo" ${ports('sport', 'dport')} meta l4proto tcp counter name received
      add rule ip ${TABLE} sent oifname != "lo" ${ports('dport', 'sport')} meta l4proto tcp counter name sent
      ${udp}`
    const { code, stderr } = await host.exec(['nft', '-f', '-'], { input: rules })
    if (code !== 0) throw new Error(`no counters on ${host.name}: ${stderr}`)
    return new ByteCounter(host)
  }

  async bytes(): Promise<Bytes> {
    const listed = await mustExec(this.#host, ['nft', '-j', 'list', 'counters', 'table', 'ip', TABLE])
    const { nftables } = JSON.parse(listed) as { readonly nftables: readonly ListedObject[] }
    const of = (name: string): number =>
      nftables.find(({ counter }) => counter?.name === name)?.counter?.bytes ?? 0
    return { received: of('received'), sent: of('sent') }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#host.exec(['nft', 'delete', 'table', 'ip', TABLE])
  }
}

function udpRules(): string {
  return `
      add rule ip ${TABLE} received iifname != "lo" meta l4proto udp counter name received
      add rule ip ${TABLE} sent oifname != "lo" meta l4proto udp counter name sent`
}

interface ListedObject {
  readonly counter?: { readonly name: string; readonly bytes: number }
}
