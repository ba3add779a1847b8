/** The two kinds of iptables: by the kernel's nf_tables, or by its older x_tables. Their rules are apart from each other. */
export const IPTABLES_FLAVOURS = ['nft', 'legacy'] as const

export type IptablesFlavour = (typeof IPTABLES_FLAVOURS)[number]

/** What `iptables-save` and `ip6tables-save` of each flavour print, one after the other; `undefined`: not asked, or it failed. */
export type SavedRules = Readonly<Record<IptablesFlavour, string | undefined>>

/** Chains that the kubelet makes in the mangle table, so that others find the flavour of the node. */
const KUBELET_CHAIN = /^:(KUBE-IPTABLES-HINT|KUBE-KUBELET-CANARY) /m

/**
 * Which flavour the others on this node use: what the kubelet hints at; else the one with more rules; else nft.
 * Only within one flavour can our rules come before those of kube-proxy.
 *
 * @see https://github.com/kubernetes/enhancements/tree/master/keps/sig-network/3178-iptables-cleanup
 */
export function detectFlavour(saved: SavedRules): IptablesFlavour {
  const hinted = IPTABLES_FLAVOURS.find((flavour) => KUBELET_CHAIN.test(saved[flavour] ?? ''))
  if (hinted !== undefined) return hinted
  return countRules(saved.legacy) > countRules(saved.nft) ? 'legacy' : 'nft'
}

function countRules(text = ''): number {
  return text.match(/^-A /gm)?.length ?? 0
}
