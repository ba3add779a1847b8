import { isIPv6 } from 'node:net'
import type { Rule } from './rules.ts'

/** Everything of ours is in this table, and nothing of anybody else. */
export const NFT_TABLE = 'inet edgeway'

/**
 * The data of the table. The maps `agent4` and `agent6` lead from a Destination to a listener of the agent, the sets
 * `reject4` and `reject6` hold the Destinations that are refused. The chains never change with the Services.
 */
export const NFT_SETS = ['agent4', 'agent6', 'reject4', 'reject6'] as const

export type NftSet = (typeof NFT_SETS)[number]

/** What the sets hold, in nft's own syntax: element -> value, which is empty for an element of a plain set. */
export type NftElements = Readonly<Record<NftSet, ReadonlyMap<string, string>>>

export function elementsOf(rules: readonly Rule[]): NftElements {
  const elements = { agent4: new Map(), agent6: new Map(), reject4: new Map(), reject6: new Map() }
  for (const rule of rules) {
    const key = `${rule.ip} . ${rule.protocol.toLowerCase()} . ${rule.port}`
    const is6 = isIPv6(rule.ip)
    if (rule.mode === 'REJECT') elements[is6 ? 'reject6' : 'reject4'].set(key, '')
    else elements[is6 ? 'agent6' : 'agent4'].set(key, `${rule.listener.ip} . ${rule.listener.port}`)
  }
  return elements
}

/**
 * One transaction that replaces the whole table, or makes it: naming the table first lets `delete` succeed in both
 * cases.
 *
 * Before kube-proxy's (priority -100), since the first NAT decision of a hook wins. By number, as nft 1.0.6 knows
 * `dstnat` in no output hook. The group of the agent is exempt where a packet still has a socket: in output.
 *
 * What is refused is first translated to itself: else kube-proxy would translate it, and the pod would not know the
 * sender of the reset. Only new connections are refused. One rule in prerouting would do too, but needs Linux 5.9.
 *
 * @param groupId - what processes of this group send is never touched
 */
export function renderLoad(elements: NftElements, groupId: number): string {
  return `table ${NFT_TABLE}
delete table ${NFT_TABLE}
table ${NFT_TABLE} {
  map agent4 {
    type ipv4_addr . inet_proto . inet_service : ipv4_addr . inet_service
${elementsLine(elements.agent4)}  }
  map agent6 {
    type ipv6_addr . inet_proto . inet_service : ipv6_addr . inet_service
${elementsLine(elements.agent6)}  }
  set reject4 {
    type ipv4_addr . inet_proto . inet_service
${elementsLine(elements.reject4)}  }
  set reject6 {
    type ipv6_addr . inet_proto . inet_service
${elementsLine(elements.reject6)}  }
${renderChains(groupId)}}
`
}

function renderChains(groupId: number): string {
  const jumpTo = (chain: string): string => `    meta skgid ${groupId} return\n    jump ${chain}`
  return `  chain services {
    meta l4proto { tcp, udp } dnat ip to ip daddr . meta l4proto . th dport map @agent4
    meta l4proto { tcp, udp } dnat ip6 to ip6 daddr . meta l4proto . th dport map @agent6
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
    type nat hook prerouting priority -105; policy accept;
    jump services
  }
  chain nat-output {
    type nat hook output priority -105; policy accept;
${jumpTo('services')}
  }
  chain filter-forward {
    type filter hook forward priority -5; policy accept;
    jump refusals
  }
  chain filter-input {
    type filter hook input priority -5; policy accept;
    jump refusals
  }
  chain filter-output {
    type filter hook output priority -5; policy accept;
${jumpTo('refusals')}
  }
`
}

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

/** One transaction that removes the table, whether it is there or not. */
export function renderCleanup(): string {
  return `table ${NFT_TABLE}\ndelete table ${NFT_TABLE}\n`
}

type ElementEntry = readonly [key: string, value: string]

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

function elementsLine(elements: ReadonlyMap<string, string>): string {
  return elements.size === 0 ? '' : `    elements = { ${textsOf([...elements]).join(', ')} }\n`
}
