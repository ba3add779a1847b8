import { createHash } from 'node:crypto'
import { isIPv6 } from 'node:net'
import type { Protocol } from '@edgeway/core'
import type { Rule } from './rules.ts'

/** Everything of ours is in this table, and nothing of anybody else. */
export const NFT_TABLE = 'inet edgeway'

/**
 * The data of the table. The maps `agent4` and `agent6` lead from a Destination to a listener of the agent, the sets
 * `reject4` and `reject6` hold the Destinations that are refused. The rules never change with the Services.
 */
export const NFT_SETS = ['agent4', 'agent6', 'reject4', 'reject6'] as const

export type NftSet = (typeof NFT_SETS)[number]

/** As IANA assigned them. nft knows names for them only where there is /etc/protocols, which small images lack. */
const PROTOCOL_NUMBERS: Readonly<Record<Protocol, number>> = { TCP: 6, UDP: 17 }

/** What the sets hold, in nft's own syntax: element -> value, which is empty for an element of a plain set. */
export type NftElements = Readonly<Record<NftSet, ReadonlyMap<string, string>>>

const SET_DECLARATIONS = `
  map agent4 { type ipv4_addr . inet_proto . inet_service : ipv4_addr . inet_service; }
  map agent6 { type ipv6_addr . inet_proto . inet_service : ipv6_addr . inet_service; }
  set reject4 { type ipv4_addr . inet_proto . inet_service; }
  set reject6 { type ipv6_addr . inet_proto . inet_service; }`

/**
 * NAT before kube-proxy's (priority -100), since the first NAT decision of a hook wins. Priorities are numbers, as nft
 * 1.0.6 knows `dstnat` in no output hook.
 */
const CHAIN_DECLARATIONS: Readonly<Record<string, string>> = {
  services: '',
  refusals: '',
  refuse: '',
  'nat-prerouting': 'type nat hook prerouting priority -105; policy accept;',
  'nat-output': 'type nat hook output priority -105; policy accept;',
  'filter-forward': 'type filter hook forward priority -5; policy accept;',
  'filter-input': 'type filter hook input priority -5; policy accept;',
  'filter-output': 'type filter hook output priority -5; policy accept;',
}

export function elementsOf(rules: readonly Rule[]): NftElements {
  const elements = { agent4: new Map(), agent6: new Map(), reject4: new Map(), reject6: new Map() }
  for (const rule of rules) {
    const key = `${rule.ip} . ${PROTOCOL_NUMBERS[rule.protocol]} . ${rule.port}`
    const is6 = isIPv6(rule.ip)
    if (rule.mode === 'REJECT') elements[is6 ? 'reject6' : 'reject4'].set(key, '')
    else elements[is6 ? 'agent6' : 'agent4'].set(key, `${rule.listener.ip} . ${rule.listener.port}`)
  }
  return elements
}

/**
 * Names of all chains of the table. One of them is empty and named for all declarations, so that a table with exactly
 * these chains is known to be declared as ours.
 */
export function nftChains(): readonly string[] {
  const declarations = SET_DECLARATIONS + JSON.stringify(CHAIN_DECLARATIONS)
  const layout = createHash('sha256').update(declarations).digest('hex').slice(0, 12)
  return [...Object.keys(CHAIN_DECLARATIONS), `layout-${layout}`]
}

/**
 * One transaction that makes the table, in place of one of any layout. Where there was one, a packet may slip between
 * the old chains and the new: prefer `renderRefill` for a table that is declared as ours.
 *
 * @param groupId - what processes of this group send is never touched
 */
export function renderReplacement(elements: NftElements, groupId: number): string {
  return renderCleanup() + renderDeclarations() + renderRules(groupId) + renderUpdate(NO_ELEMENTS, elements)
}

/**
 * One transaction that gives a table of our layout its policies, rules and elements, whatever it had: each packet meets
 * the old or the new, never none.
 *
 * @param groupId - what processes of this group send is never touched
 */
export function renderRefill(elements: NftElements, groupId: number): string {
  const flushes = `flush table ${NFT_TABLE}
flush map ${NFT_TABLE} agent4
flush map ${NFT_TABLE} agent6
flush set ${NFT_TABLE} reject4
flush set ${NFT_TABLE} reject6
`
  return flushes + renderDeclarations() + renderRules(groupId) + renderUpdate(NO_ELEMENTS, elements)
}

/**
 * For what is there already, this brings the policies of the chains back and a dormant table to life; nft refuses it
 * where something of the same name is of another kind.
 */
function renderDeclarations(): string {
  const chains = nftChains().map((chain) => `\n  chain ${chain} { ${CHAIN_DECLARATIONS[chain] ?? ''} }`)
  return `table ${NFT_TABLE} {${SET_DECLARATIONS}${chains.join('')}\n}\n`
}

/**
 * The group of the agent is exempt where a packet still has a socket: in output.
 *
 * What is refused is first translated to itself: else kube-proxy would translate it, and the pod would not know the
 * sender of the reset. Only new connections are refused. One rule in prerouting would do too, but needs Linux 5.9.
 *
 * No rule has a set of its own (`{ tcp, udp }`): it would come and go with the rule, under packets on their way.
 */
function renderRules(groupId: number): string {
  return `table ${NFT_TABLE} {
  chain services {
    dnat ip to ip daddr . meta l4proto . th dport map @agent4
    dnat ip6 to ip6 daddr . meta l4proto . th dport map @agent6
    ip daddr . meta l4proto . th dport @reject4 dnat ip to ip daddr
    ip6 daddr . meta l4proto . th dport @reject6 dnat ip6 to ip6 daddr
  }
  chain refusals {
    ct state new ip daddr . meta l4proto . th dport @reject4 goto refuse
    ct state new ip6 daddr . meta l4proto . th dport @reject6 goto refuse
  }
  chain refuse {
    meta l4proto tcp reject with tcp reset
    reject with icmpx port-unreachable
  }
  chain nat-prerouting {
    jump services
  }
  chain nat-output {
    meta skgid ${groupId} return
    jump services
  }
  chain filter-forward {
    jump refusals
  }
  chain filter-input {
    jump refusals
  }
  chain filter-output {
    meta skgid ${groupId} return
    jump refusals
  }
}
`
}

const NO_ELEMENTS = elementsOf([])

/**
 * One transaction that brings the elements of a loaded table from `before` to `after`: each packet finds either the
 * old or the new element, never none.
 *
 * @returns the empty string when nothing differs
 */
export function renderUpdate(before: NftElements, after: NftElements): string {
  const removals = NFT_SETS.map((set) => change('delete', set, keysOf(missingIn(before[set], after[set]))))
  const additions = NFT_SETS.map((set) => change('add', set, textsOf(missingIn(after[set], before[set]))))
  return [...removals, ...additions].join('')
}

/** One transaction that removes the table; naming it first makes a missing one no error. */
export function renderCleanup(): string {
  return `table ${NFT_TABLE}\ndelete table ${NFT_TABLE}\n`
}

type ElementEntry = readonly [key: string, value: string]

/** @returns the entries of `from` that `other` lacks or has with another value */
function missingIn(from: ReadonlyMap<string, string>, other: ReadonlyMap<string, string>): ElementEntry[] {
  return [...from].filter(([key, value]) => other.get(key) !== value)
}

function keysOf(entries: readonly ElementEntry[]): string[] {
  return entries.map(([key]) => key)
}

function textsOf(entries: readonly ElementEntry[]): string[] {
  return entries.map(([key, value]) => (value === '' ? key : `${key} : ${value}`))
}

function change(verb: 'add' | 'delete', set: NftSet, texts: readonly string[]): string {
  return texts.length === 0 ? '' : `${verb} element ${NFT_TABLE} ${set} { ${texts.join(', ')} }\n`
}
