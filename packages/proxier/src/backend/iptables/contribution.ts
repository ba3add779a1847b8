import type { IpFamily, ListenerAddress } from '@edgeway/core'
import { familyOf, type KernelRule, type ListenerRule, type Match, type Rule } from '../../model/rule.ts'
import { choiceOf, endpointOf, mergeSlots } from './kernel-choice.ts'
import { bucketChain, bucketOf, CHAINS, type IpSet, kernelChain, type SetNames } from './names.ts'

/** What the kernel has in it because of one rule. Others may need the same: members, sets and lines are counted. */
export interface Contribution {
  readonly family: IpFamily
  readonly sets: readonly IpSet[]
  readonly members: readonly (readonly [set: IpSet, member: string])[]
  /** Rules of the nat table without `-A chain`, those of one chain in their order. */
  readonly lines: readonly (readonly [chain: string, line: string])[]
}

/** What a rule needs in the kernel besides the fixed chains and sets. */
export function contributionOf(rule: Rule, names: SetNames): Contribution {
  switch (rule.mode) {
    case 'REJECT':
      return rejected(rule.match, names)
    case 'KERNEL':
      return translated(rule, names)
    case 'AGENT':
    case 'NODE':
      return handedOver(rule, names)
  }
}

function rejected(match: Match, names: SetNames): Contribution {
  const family = familyOf(match)
  const { reject, nodePortReject } = names.fixed[family]
  const set = match.kind === 'address' ? reject : nodePortReject[match.protocol]
  return { family, sets: [], members: [[set, memberOf(match)]], lines: [] }
}

function handedOver({ match, listener }: ListenerRule, names: SetNames): Contribution {
  const family = familyOf(match)
  const set = names.listener(match, family, listener)
  const [chain, directions] =
    match.kind === 'address' ? [CHAINS.listeners, 'dst,dst'] : [CHAINS.nodePortListeners, 'dst']
  const found = `-p ${protocolOf(match)} -m set --match-set ${set.name} ${directions}`
  return {
    family,
    sets: [],
    members: [[set, memberOf(match)]],
    lines: [[chain, `${found} -j DNAT --to-destination ${endpointOf(listener)}`]],
  }
}

function translated(rule: KernelRule, names: SetNames): Contribution {
  const family = familyOf(rule.match)
  const choice = choiceOf(rule, names)
  const hairpins = hairpinMembers(rule, names)
  const masquerade = masqueradeOf(rule, names)
  const { kernel, nodePortKernel } = names.fixed[family]
  const set = rule.match.kind === 'address' ? kernel : nodePortKernel[rule.match.protocol]
  return {
    family,
    sets: choice.sets,
    members: [[set, memberOf(rule.match)], ...hairpins, ...masquerade.members],
    lines: [...loopbackLines(rule), ...choice.lines, dispatchLine(rule.match), ...masquerade.lines],
  }
}

function dispatchLine(match: Match): Contribution['lines'][number] {
  const port = `-p ${protocolOf(match)} --dport ${match.port} -j ${kernelChain(match)}`
  if (match.kind === 'node-port') return [CHAINS.nodePortKernel, port]
  return [bucketChain(CHAINS.kernel, bucketOf(match.ip)), `-d ${match.ip} ${port}`]
}

/** The kernel sends nothing from a loopback address to another host. */
function loopbackLines({ match, loopback }: KernelRule): Contribution['lines'] {
  if (match.kind === 'address') return []
  const found = `-d ${match.family === 'IPv4' ? '127.0.0.0/8' : '::1/128'} -p ${protocolOf(match)}`
  return [[kernelChain(match), `${found} ${verdictOf(loopback)}`]]
}

/** Without a listener they are left to whoever comes after us. */
function verdictOf(listener: ListenerAddress | undefined): string {
  return listener === undefined ? '-j RETURN' : `-j DNAT --to-destination ${endpointOf(listener)}`
}

function hairpinMembers({ match, slots }: KernelRule, names: SetNames): Contribution['members'] {
  const { hairpin } = names.fixed[familyOf(match)]
  return mergeSlots(slots)
    .filter(({ path }) => path === 'local')
    .map(({ ip, port }) => [hairpin, `${ip},${protocolOf(match)}:${port},${ip}`] as const)
}

function masqueradeOf(
  { match, slots }: KernelRule,
  names: SetNames,
): Pick<Contribution, 'members' | 'lines'> {
  const { masquerade } = names.fixed[familyOf(match)]
  const concerned = mergeSlots(slots).filter((slot) => slot.masquerade)
  const origin = match.kind === 'address' ? `--ctorigdst ${match.ip} ` : ''
  const protocol = protocolOf(match)
  return {
    members: concerned.map(({ ip, port }) => [masquerade, `${ip},${protocol}:${port}`] as const),
    lines: concerned.map(({ ip, port }) => {
      const found = `-d ${ip} -p ${protocol} --dport ${port} -m conntrack ${origin}--ctorigdstport ${match.port}`
      return [bucketChain(CHAINS.masquerade, bucketOf(ip)), `${found} -j MASQUERADE`] as const
    }),
  }
}

/** As `ipset save` prints it. */
function memberOf(match: Match): string {
  return match.kind === 'node-port' ? String(match.port) : `${match.ip},${protocolOf(match)}:${match.port}`
}

function protocolOf(match: Match): string {
  return match.protocol.toLowerCase()
}
