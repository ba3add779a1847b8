/**
 * What a NAT does, in the words of the RFCs. All of it holds for TCP and UDP alike.
 *
 * @see RFC 4787 (UDP), RFC 5382 (TCP)
 */
export interface NatBehavior {
  /**
   * Which public port stands for a local one. `endpoint-independent`: the same, whoever it talks to, as long as something
   * is mapped; `symmetric`: another, random one for each destination ("address and port-dependent").
   *
   * @see RFC 4787 section 4.1, RFC 5382 section 4.1
   */
  readonly mapping: 'endpoint-independent' | 'symmetric'
  /**
   * `kept`: the local port, as long as no two hosts of the site use one towards the same destination; `changed`: a random
   * one of 20000-29999, so that nobody can guess it.
   *
   * @see RFC 4787 section 4.2.1, RFC 5382 section 7.1
   */
  readonly ports: 'kept' | 'changed'
  /**
   * Who may send to a mapped port: anybody; any port of a host that the local port has sent to; or nothing but an address
   * and port that it has sent to ("port-restricted"). TCP needs no more of the last kind than that each side's SYN
   * passes its own NAT before the other's comes.
   *
   * @see RFC 4787 section 5, RFC 5382 section 4.3
   */
  readonly filtering: 'endpoint-independent' | 'address-dependent' | 'address-and-port-dependent'
  /**
   * What becomes of all that filtering keeps out, and of what is for the router itself: silence, or a TCP reset (UDP is
   * dropped all the same). Two sites that refuse can dial each other at once only while packets are under way so long
   * that their SYNs cross.
   *
   * @see RFC 5382 section 4.3, REQ-4
   */
  readonly unsolicited: 'drop' | 'reject'
  /**
   * Whether a host of the site reaches another one by the router's public address and a mapped port; the callee sees the
   * caller's public address and mapped port. Filtering does not apply then. Without it the router refuses it.
   *
   * @see RFC 4787 section 6, RFC 5382 section 7.2
   */
  readonly hairpinning: boolean
}

/** A usual home router, "port-restricted cone": nothing gets in but answers, the rest is dropped in silence. */
const PORT_RESTRICTED = {
  mapping: 'endpoint-independent',
  ports: 'kept',
  filtering: 'address-and-port-dependent',
  unsolicited: 'drop',
  hairpinning: false,
} as const satisfies NatBehavior

/**
 * The NATs that a site can have, by name. "Carrier-grade" or double NAT is no kind but a site that is `behind` another
 * one, each with a NAT of its own.
 */
export const NAT_BEHAVIORS = {
  'endpoint-independent': PORT_RESTRICTED,
  /** As OpenWrt is by default: what is not wanted is refused. */
  rejecting: { ...PORT_RESTRICTED, unsolicited: 'reject' },
  /** As carriers' and some office NATs: reflectors are needed to know a mapping. */
  'port-changing': { ...PORT_RESTRICTED, ports: 'changed' },
  'address-restricted': { ...PORT_RESTRICTED, filtering: 'address-dependent' },
  'full-cone': { ...PORT_RESTRICTED, filtering: 'endpoint-independent' },
  hairpinning: { ...PORT_RESTRICTED, hairpinning: true },
  symmetric: { ...PORT_RESTRICTED, mapping: 'symmetric', ports: 'changed' },
} as const satisfies Readonly<Record<string, NatBehavior>>

/** `none`: plain routing, the site's addresses are known everywhere and everything gets in. */
export type NatKind = keyof typeof NAT_BEHAVIORS | 'none'

/**
 * Whether nodes behind two such NATs can get a TCP connection to each other when both know the other one's mapping: both
 * dial at once, or one waits for the other. Nobody knows the next port of a symmetric NAT, so the other NAT must let any port
 * in. Two that reject can do it only while packets are under way for some time.
 *
 * @see RFC 5128 section 3.3 and 3.4
 */
export function canMeet(a: NatBehavior, b: NatBehavior): boolean {
  if (a.mapping === 'symmetric') return letsOtherPortsIn(b)
  if (b.mapping === 'symmetric') return letsOtherPortsIn(a)
  return true
}

/** From a host that was sent to. Of a symmetric NAT nobody knows what they would have to send to. */
function letsOtherPortsIn({ mapping, filtering }: NatBehavior): boolean {
  return mapping === 'endpoint-independent' && filtering !== 'address-and-port-dependent'
}
