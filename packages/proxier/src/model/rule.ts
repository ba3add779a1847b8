import { type IpFamily, ipFamilyOf, type ListenerAddress, type Protocol } from '@edgeway/core'

/** An address that clients of a ServicePort connect to: a ClusterIP, an external or a load balancer's one. */
export interface AddressMatch {
  readonly kind: 'address'
  /** Canonical text, IPv4 or IPv6. */
  readonly ip: string
  readonly protocol: Protocol
  readonly port: number
}

/** A port at every address of this node, those of loopback included. */
export interface NodePortMatch {
  readonly kind: 'node-port'
  readonly family: IpFamily
  readonly protocol: Protocol
  readonly port: number
}

/** Which new connections a Rule is for. */
export type Match = AddressMatch | NodePortMatch

/** An endpoint that the kernel itself sends connections to. */
export interface KernelSlot {
  /** Of the family of the Match. */
  readonly ip: string
  readonly port: number
  /** A positive integer: its share of the connections, relative to the others'. */
  readonly weight: number
  /** `local`: on this node; one that calls itself by its Service gets its own packet back, which needs masquerading. */
  readonly path: 'local' | 'routed'
  /** Connections get an address of this node as their source: replies would else not come back through it. */
  readonly masquerade: boolean
}

/**
 * How the kernel chooses among slots: anew for each connection; the one that the client had, for so long after its last
 * new connection (`sessionAffinity: ClientIP`); or by a table from the client's address.
 */
export type KernelBalance =
  | { readonly kind: 'random' }
  | { readonly kind: 'client-ip'; readonly timeoutSeconds: number }
  | { readonly kind: 'source-ip-hash' }

/** The kernel translates to an endpoint; no byte enters user space. */
export interface KernelRule {
  readonly mode: 'KERNEL'
  readonly match: Match
  readonly balance: KernelBalance
  /** Not empty. */
  readonly slots: readonly KernelSlot[]
  /** Of a NodePortMatch: where connections to loopback addresses go, which the kernel can't send to other hosts. */
  readonly loopback: ListenerAddress | undefined
}

/** Connections are handed to a listener of the agent: one that forwards (`AGENT`), or one that answers itself (`NODE`). */
export interface ListenerRule {
  readonly mode: 'AGENT' | 'NODE'
  readonly match: Match
  /** Of the family of the Match. */
  readonly listener: ListenerAddress
}

/** Nothing can serve them: refused at once, by a reset or ICMP port unreachable. */
export interface RejectRule {
  readonly mode: 'REJECT'
  readonly match: Match
}

/** What the kernel shall do with new connections of a Match. */
export type Rule = KernelRule | ListenerRule | RejectRule

/** What differs for one Match between what the kernel has and what it shall have; at least one of them is there. */
export interface RuleChange {
  readonly previous: Rule | undefined
  readonly current: Rule | undefined
}

/** The identity of a Match, for map keys and logs. */
export function formatMatch(match: Match): string {
  if (match.kind === 'node-port') return `${match.family}/*:${match.port}/${match.protocol}`
  const host = ipFamilyOf(match.ip) === 'IPv6' ? `[${match.ip}]` : match.ip
  return `${host}:${match.port}/${match.protocol}`
}

export function familyOf(match: Match): IpFamily {
  return match.kind === 'node-port' ? match.family : ipFamilyOf(match.ip)
}
