import type { NatKind } from './topology.ts'

/** Device names that the rules, links and tests agree on. */
export const WAN_DEVICE = 'wan'
export const LAN_BRIDGE = 'lan'
export const POD_BRIDGE = 'cni0'

/**
 * What a home or office router does: what the LAN did not ask for is dropped in silence, at the router itself too,
 * and so is a connection that it has no mapping for (after a reset it must not be picked up in the middle).
 */
export function routerRuleset(nat: NatKind): string {
  if (nat === 'none') return ''
  const how = nat === 'symmetric' ? 'masquerade random,fully-random' : 'masquerade'
  return `
table ip router {
  chain input {
    type filter hook input priority filter; policy accept;
    iifname "${WAN_DEVICE}" ct state established,related accept
    iifname "${WAN_DEVICE}" drop
  }
  chain forward {
    type filter hook forward priority filter; policy accept;
    ct state invalid drop
    iifname "${WAN_DEVICE}" ct state established,related accept
    iifname "${WAN_DEVICE}" drop
  }
  chain postrouting {
    type nat hook postrouting priority srcnat; policy accept;
    oifname "${WAN_DEVICE}" ${how}
  }
}
`
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
