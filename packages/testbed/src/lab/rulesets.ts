import { NAT_BEHAVIORS, type NatBehavior, type NatKind } from './nat-kinds.ts'

/** Device names that the rules, links and tests agree on. */
export const WAN_DEVICE = 'wan'
export const LAN_BRIDGE = 'lan'
export const POD_BRIDGE = 'cni0'

/** For how long a mapping that is not used any more lets others in. RFC 4787, REQ-5; shorter than RFC 5382 wants it. */
const MAPPING_TIMEOUT = '5m'
const CHANGED_PORTS = '20000-29999'
/** In each rule: without the protocol nft does not know that `ct original proto-src` is a port. */
const OUTGOING = `oifname "${WAN_DEVICE}" ct direction original meta l4proto { tcp, udp }`
/** What stands for a local port outside, and for what maps know it by. */
const PORT_OUTSIDE = 'meta l4proto . th sport'
const PORT_CALLED = 'meta l4proto . th dport'

export interface RouterPlace {
  /** The router's own one outside. */
  readonly address: string
  /** Of its LAN. */
  readonly subnet: string
}

/**
 * What a router does, the router itself being out of reach from outside, too. A connection that it has no mapping for
 * does not get through (after a reset it must not be picked up in the middle). Loading it replaces what was loaded.
 *
 * Linux lets in what answers; who else gets in, and hairpinning, go by two tables of the rules' own that outgoing traffic
 * fills: which local port a public one stands for, and whom that has sent to.
 */
export function routerRuleset(nat: NatKind, router: RouterPlace): string {
  if (nat === 'none') return ''
  const behavior: NatBehavior = NAT_BEHAVIORS[nat]
  return `
table ip router {}
delete table ip router
table ip router {
${letsOthersIn(behavior) ? MAPPING_TABLES : ''}
  chain prerouting {
    type nat hook prerouting priority dstnat; policy accept;
    ${incomingRules(behavior, router).join('\n    ')}
  }
  chain input {
    type filter hook input priority filter; policy accept;
    iifname "${WAN_DEVICE}" ct state established,related accept
    iifname "${WAN_DEVICE}" jump unsolicited
  }
  chain forward {
    type filter hook forward priority filter; policy accept;
    oifname "${WAN_DEVICE}" ct state invalid drop
    iifname "${WAN_DEVICE}" ct state established,related accept
    iifname "${WAN_DEVICE}" ct status dnat accept
    iifname "${WAN_DEVICE}" jump unsolicited
  }
  chain unsolicited {
    ${behavior.unsolicited === 'reject' ? 'meta l4proto tcp reject with tcp reset' : ''}
    drop
  }
  chain postrouting {
    type nat hook postrouting priority srcnat; policy accept;
    ${outgoingRules(behavior, router).join('\n    ')}
  }
}
`
}

/** Whether something gets in that the kernel's connection tracking does not let in by itself. */
function letsOthersIn({ filtering, hairpinning }: NatBehavior): boolean {
  return filtering !== 'address-and-port-dependent' || hairpinning
}

/** The chain comes after source NAT, where a packet has its public port. */
const MAPPING_TABLES = `
  map mappings {
    type inet_proto . inet_service : ipv4_addr . inet_service
    size 65535
    flags dynamic,timeout
    timeout ${MAPPING_TIMEOUT}
  }
  set contacts {
    type inet_proto . inet_service . ipv4_addr
    size 65535
    flags dynamic,timeout
    timeout ${MAPPING_TIMEOUT}
  }
  chain learn {
    type filter hook postrouting priority srcnat + 1; policy accept;
    ${OUTGOING} update @mappings { ${PORT_OUTSIDE} : ct original ip saddr . ct original proto-src }
    ${OUTGOING} update @contacts { ${PORT_OUTSIDE} . ip daddr }
  }`

function incomingRules({ filtering, hairpinning }: NatBehavior, { address }: RouterPlace): string[] {
  const toMapping = `dnat ip to ${PORT_CALLED} map @mappings`
  const fromOutside = `iifname "${WAN_DEVICE}" ip daddr ${address}`
  const rules: Record<NatBehavior['filtering'], string[]> = {
    'endpoint-independent': [`${fromOutside} ${toMapping}`],
    'address-dependent': [`${fromOutside} ${PORT_CALLED} . ip saddr @contacts ${toMapping}`],
    'address-and-port-dependent': [],
  }
  const hairpin = hairpinning ? [`iifname "${LAN_BRIDGE}" ip daddr ${address} ${toMapping}`] : []
  return [...rules[filtering], ...hairpin]
}

/**
 * A range without "random" gives a local port a random one of the range, and that one again for as long as it is mapped
 * (nf_nat_core.c, get_unique_tuple).
 */
function outgoingRules(
  { mapping, ports, hairpinning }: NatBehavior,
  { address, subnet }: RouterPlace,
): string[] {
  const hairpin = `oifname "${LAN_BRIDGE}" ip saddr ${subnet} ct status dnat snat ip to ${address}`
  const changed = `oifname "${WAN_DEVICE}" meta l4proto { tcp, udp } masquerade to :${CHANGED_PORTS}`
  const other = `oifname "${WAN_DEVICE}" masquerade${mapping === 'symmetric' ? ' random,fully-random' : ''}`
  return [
    ...(hairpinning ? [hairpin] : []),
    ...(mapping === 'endpoint-independent' && ports === 'changed' ? [changed] : []),
    other,
  ]
}

/** What the bridge CNI plugin does with `ipMasq`: pods leave the node with the node's address. */
export function nodeRuleset(podSubnet: string): string {
  return `
table ip cni {
  chain postrouting {
    type nat hook postrouting priority srcnat; policy accept;
    ip saddr ${podSubnet} ip daddr != ${podSubnet} oifname != "${POD_BRIDGE}" masquerade
  }
}
`
}
