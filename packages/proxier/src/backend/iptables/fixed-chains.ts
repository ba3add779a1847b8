import { type IpFamily, PROTOCOLS } from '@edgeway/core'
import type { Contribution } from './contribution.ts'
import {
  allFixedSets,
  BUCKETS,
  bucketChain,
  bucketMask,
  CHAINS,
  type FixedSets,
  type SetNames,
} from './names.ts'

export const TABLES = ['nat', 'filter'] as const

export type TableName = (typeof TABLES)[number]

/** Lines of chains, in order. */
export type Chains = ReadonlyMap<string, readonly string[]>

/** What stands first in a chain of the kernel, so that ours is asked before anybody else's. */
export interface Jump {
  readonly table: TableName
  readonly from: string
  /** Without `-A chain`, as `iptables-save` prints it. */
  readonly line: string
}

const FOR_NEW = '-m conntrack --ctstate NEW -j'

export const JUMPS: readonly Jump[] = [
  { table: 'nat', from: 'PREROUTING', line: `-j ${CHAINS.services}` },
  { table: 'nat', from: 'OUTPUT', line: `-j ${CHAINS.output}` },
  { table: 'nat', from: 'POSTROUTING', line: `-j ${CHAINS.postrouting}` },
  // What this node sends to itself has passed the output chain, where the agent's group is exempt.
  { table: 'filter', from: 'INPUT', line: `! -i lo ${FOR_NEW} ${CHAINS.rejects}` },
  { table: 'filter', from: 'FORWARD', line: `${FOR_NEW} ${CHAINS.rejects}` },
  { table: 'filter', from: 'OUTPUT', line: `${FOR_NEW} ${CHAINS.rejectsOutput}` },
]

/**
 * The sets and the lines of the nat table that are there without any rule. A match that moves is for a moment in two
 * sets: that of the refused is asked first and that of the kernel's own last, since a match is in there before its
 * chain exists and after it is gone.
 *
 * @param groupId - what its processes send passes all this
 */
export function fixedContribution(family: IpFamily, names: SetNames, groupId: number): Contribution {
  const sets = names.fixed[family]
  const lines: readonly (readonly [string, readonly string[]])[] = [
    [CHAINS.output, [exempt(groupId), `-j ${CHAINS.services}`]],
    [CHAINS.services, serviceLines(sets)],
    [CHAINS.nodePorts, nodePortLines(sets)],
    [CHAINS.kernel, bucketLines(family, CHAINS.kernel)],
    [CHAINS.postrouting, postroutingLines(sets)],
    [CHAINS.masquerade, bucketLines(family, CHAINS.masquerade)],
  ]
  return {
    family,
    sets: allFixedSets(sets),
    members: [],
    lines: lines.flatMap(([chain, own]) => own.map((line) => [chain, line] as const)),
  }
}

/** Chains of the nat table that are there even when they are empty, since others jump to them. */
export const LASTING_CHAINS: readonly string[] = [
  CHAINS.listeners,
  CHAINS.nodePortListeners,
  CHAINS.nodePortKernel,
  ...buckets().flatMap((bucket) => [
    bucketChain(CHAINS.kernel, bucket),
    bucketChain(CHAINS.masquerade, bucket),
  ]),
]

/** The filter table's chains: they refuse new connections that nobody has translated. */
export function filterChains(family: IpFamily, names: SetNames, groupId: number): Chains {
  const { reject, nodePortReject } = names.fixed[family]
  const found = `-m set --match-set ${reject.name} dst,dst`
  const unreachable = family === 'IPv4' ? 'icmp-port-unreachable' : 'icmp6-port-unreachable'
  const nodePorts = PROTOCOLS.map((protocol) => {
    const local = '-m addrtype --dst-type LOCAL -m conntrack ! --ctstate DNAT'
    const how = protocol === 'TCP' ? 'tcp-reset' : unreachable
    const port = `-m set --match-set ${nodePortReject[protocol].name} dst`
    return `-p ${protocol.toLowerCase()} ${local} ${port} -j REJECT --reject-with ${how}`
  })
  return new Map([
    [
      CHAINS.rejects,
      [
        `-p tcp ${found} -j REJECT --reject-with tcp-reset`,
        `${found} -j REJECT --reject-with ${unreachable}`,
        ...nodePorts,
      ],
    ],
    [CHAINS.rejectsOutput, [exempt(groupId), `-j ${CHAINS.rejects}`]],
  ])
}

function serviceLines({ reject, kernel }: FixedSets): string[] {
  return [
    // Ends the table for them: a later rule, as kube-proxy's, would else translate them.
    `-m set --match-set ${reject.name} dst,dst -j ACCEPT`,
    `-j ${CHAINS.listeners}`,
    `-m set --match-set ${kernel.name} dst,dst -j ${CHAINS.kernel}`,
    `-m addrtype --dst-type LOCAL -j ${CHAINS.nodePorts}`,
  ]
}

function nodePortLines({ nodePortReject, nodePortKernel }: FixedSets): string[] {
  const found = (protocol: string, name: string): string =>
    `-p ${protocol.toLowerCase()} -m set --match-set ${name} dst`
  return [
    ...PROTOCOLS.map((protocol) => `${found(protocol, nodePortReject[protocol].name)} -j ACCEPT`),
    `-j ${CHAINS.nodePortListeners}`,
    ...PROTOCOLS.map(
      (protocol) => `${found(protocol, nodePortKernel[protocol].name)} -j ${CHAINS.nodePortKernel}`,
    ),
  ]
}

function postroutingLines({ hairpin, masquerade }: FixedSets): string[] {
  return [
    `-m conntrack --ctstate DNAT -m set --match-set ${hairpin.name} src,dst,dst -j MASQUERADE`,
    `-m conntrack --ctstate DNAT -m set --match-set ${masquerade.name} dst,dst -j ${CHAINS.masquerade}`,
  ]
}

function bucketLines(family: IpFamily, chain: string): string[] {
  return buckets().map((bucket) => `-d ${bucketMask(family, bucket)} -j ${bucketChain(chain, bucket)}`)
}

function buckets(): number[] {
  return Array.from({ length: BUCKETS }, (_, bucket) => bucket)
}

function exempt(groupId: number): string {
  return `-m owner --gid-owner ${groupId} -j RETURN`
}
