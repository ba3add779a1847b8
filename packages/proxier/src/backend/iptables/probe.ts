import { IP_FAMILIES, type IpFamily } from '@edgeway/core'
import { mustRun, type RunCommand } from '../../command/run-command.ts'
import type { KernelBalance, KernelRule, Rule } from '../../model/rule.ts'
import type { Capabilities, ProbeResult } from '../rule-backend.ts'
import { contributionOf } from './contribution.ts'
import { filterChains, fixedContribution, LASTING_CHAINS } from './fixed-chains.ts'
import { SetNames } from './names.ts'
import { renderTable } from './restore-input.ts'
import { Ruleset } from './ruleset.ts'
import { renderAdditions } from './saved-sets.ts'
import type { IptablesTools } from './tools.ts'

/** What the node can do, and in which families. */
export interface Probed {
  readonly result: ProbeResult
  readonly families: readonly IpFamily[]
}

/** With more, iptables-nft takes seconds to load them. */
const MAX_KERNEL_RULES = 1_000

/** A slot of `random` is one rule, of `client-ip` two and a set; `source-ip-hash` has 31 entries for all. */
const MAX_SLOTS = { random: 64, 'client-ip': 64, 'source-ip-hash': 10 } as const

const BALANCES: readonly KernelBalance[] = [
  { kind: 'random' },
  { kind: 'client-ip', timeoutSeconds: 60 },
  { kind: 'source-ip-hash' },
]

const KERNEL_PARTS =
  'Needed of the kernel: ip_set with hash:ip, hash:ip,port, hash:ip,port,ip and bitmap:port; xt_set, xt_addrtype, ' +
  'xt_conntrack, xt_owner, nat (DNAT, MASQUERADE) and REJECT; for load balancing xt_statistic'

/** Tries rules of all kinds without loading them. The sets that they need exist for that moment, under names of their own. */
export class IptablesProbe {
  readonly #groupId: number
  readonly #run: RunCommand
  readonly #names: SetNames

  /** @param id - three characters, lest two probes at once meet in their sets */
  constructor({ groupId, id }: { readonly groupId: number; readonly id: string }, run: RunCommand) {
    this.#groupId = groupId
    this.#run = run
    this.#names = new SetNames(`EDGEWAY-${id}`)
  }

  async probe(tools: IptablesTools): Promise<Probed> {
    const samples = IP_FAMILIES.flatMap((family) => [
      ...plainSamples(family),
      ...BALANCES.map((balance) => sample(family, balance)),
    ])
    const sets = [...this.#rulesetOf(samples, IP_FAMILIES).sets.values()].map(({ set }) => set)
    try {
      await mustRun(this.#run, ['ipset', 'restore'], renderAdditions({ created: sets, added: [] }))
      return await this.#probeFamilies(tools)
    } catch (error) {
      return { result: { usable: false, reason: reasonOf(error) }, families: [] }
    } finally {
      const destroyed = sets.map(({ name }) => `destroy ${name}\n`).join('')
      await this.#run(['ipset', '-exist', 'restore'], destroyed).catch(() => {})
    }
  }

  async #probeFamilies(tools: IptablesTools): Promise<Probed> {
    await this.#try(tools, 'IPv4', plainSamples('IPv4'))
    const families: IpFamily[] = (await this.#works(tools, 'IPv6', plainSamples('IPv6')))
      ? ['IPv4', 'IPv6']
      : ['IPv4']
    const works = await Promise.all(BALANCES.map((balance) => this.#worksIn(tools, families, balance)))
    const slots = (index: number, most: number): number => (works[index] === true ? most : 0)
    const capabilities: Capabilities = {
      maxKernelRules: works.includes(true) ? MAX_KERNEL_RULES : 0,
      maxSlots: {
        random: slots(0, MAX_SLOTS.random),
        'client-ip': slots(1, MAX_SLOTS['client-ip']),
        'source-ip-hash': slots(2, MAX_SLOTS['source-ip-hash']),
      },
      failOpen: false,
    }
    return { result: { usable: true, capabilities }, families }
  }

  async #worksIn(
    tools: IptablesTools,
    families: readonly IpFamily[],
    balance: KernelBalance,
  ): Promise<boolean> {
    const works = families.map((family) => this.#works(tools, family, [sample(family, balance)]))
    return (await Promise.all(works)).every((each) => each)
  }

  async #works(tools: IptablesTools, family: IpFamily, rules: readonly Rule[]): Promise<boolean> {
    return this.#try(tools, family, rules).then(
      () => true,
      () => false,
    )
  }

  async #try(tools: IptablesTools, family: IpFamily, rules: readonly Rule[]): Promise<void> {
    const written = this.#rulesetOf(rules, [family]).chains(family)
    const filter = filterChains(family, this.#names, this.#groupId)
    const input = [
      renderTable('nat', { written, removed: [], jumps: [] }),
      renderTable('filter', { written: filter, removed: [], jumps: [] }),
    ].join('')
    await mustRun(this.#run, [...tools.restore[family], '--test'], input)
  }

  #rulesetOf(rules: readonly Rule[], families: readonly IpFamily[]): Ruleset {
    const ruleset = new Ruleset(LASTING_CHAINS)
    for (const family of families) ruleset.add(fixedContribution(family, this.#names, this.#groupId))
    for (const rule of rules) ruleset.add(contributionOf(rule, this.#names))
    return ruleset
  }
}

function reasonOf(error: unknown): string {
  const words = error instanceof Error ? error.message : String(error)
  if (/CAP_NET_ADMIN/.test(words)) return words
  if (/ipset/.test(words) && /can't be started|no such file/i.test(words))
    return `${words}. On Debian: apt-get install iptables ipset`
  return `${words}. ${KERNEL_PARTS}`
}

/** Of addresses that are for documentation. */
function addressesOf(family: IpFamily): { service: string; endpoints: readonly string[] } {
  return family === 'IPv4'
    ? { service: '192.0.2.1', endpoints: ['192.0.2.2', '192.0.2.3'] }
    : { service: '2001:db8::1', endpoints: ['2001:db8::2', '2001:db8::3'] }
}

function plainSamples(family: IpFamily): Rule[] {
  const { service, endpoints } = addressesOf(family)
  const [ip = service] = endpoints
  const address = { kind: 'address', ip: service, port: 1 } as const
  const nodePort = { kind: 'node-port', family, port: 1 } as const
  return [
    { mode: 'AGENT', match: { ...address, protocol: 'TCP' }, listener: { ip, port: 1 } },
    { mode: 'REJECT', match: { ...address, protocol: 'UDP' } },
    { mode: 'AGENT', match: { ...nodePort, protocol: 'TCP' }, listener: { ip, port: 1 } },
    { mode: 'REJECT', match: { ...nodePort, protocol: 'UDP' } },
  ]
}

function sample(family: IpFamily, balance: KernelBalance): KernelRule {
  const { service, endpoints } = addressesOf(family)
  const slot = { port: 1, weight: 1, path: 'local', masquerade: true } as const
  return {
    mode: 'KERNEL',
    match: { kind: 'address', ip: service, protocol: 'TCP', port: 1 },
    balance,
    slots: endpoints.map((ip) => ({ ip, ...slot })),
    loopback: undefined,
  }
}
