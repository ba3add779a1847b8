import type { NatKind } from './nat-kinds.ts'

export interface PodSpec {
  /** Unique in the lab, like the name of every host. */
  readonly name: string
  /** Its Kubernetes namespace, for the search list of its resolv.conf; `default` unless given. */
  readonly namespace?: string
  /** In the node's pod subnet; the first free one unless given. */
  readonly address?: string
  /** The only one in its resolv.conf; `POD_NAMESERVER` unless given. */
  readonly nameserver?: string
}

export interface NodeSpec {
  readonly name: string
  /** In the subnet of the site or the public segment; the next from .11 on unless given. */
  readonly address?: string
  /** `10.244.<position in the topology>.0/24` unless given; nodes may share it, pods then have equal addresses. */
  readonly podSubnet?: string
  readonly pods?: readonly PodSpec[]
}

export interface SiteSpec {
  readonly name: string
  /** What the site's router does with traffic that leaves the site or comes from outside; `lab.setNat` changes it. */
  readonly nat: NatKind
  /** The LAN, e.g. `192.168.1.0/24`; sites behind a NAT may share it. Its first address is the router's. */
  readonly subnet: string
  /**
   * The site that its router is a host of, in place of the public segment: double NAT, as with a carrier-grade NAT (that
   * site being the carrier's network, e.g. `100.64.0.0/10`). It comes before this one in the topology. A routed site is behind none.
   *
   * @see RFC 6888; RFC 6598
   */
  readonly behind?: string
  readonly nodes: readonly NodeSpec[]
  /** For the resolv.conf of the site's nodes; the topology's unless given. */
  readonly nameserver?: string
}

/** A public segment with its nodes, and sites whose routers are on that segment or behind one another. */
export interface Topology {
  /** `DEFAULT_PUBLIC_SUBNET` unless given. Its first address is a gateway that swallows everything. */
  readonly publicSubnet?: string
  /** For the resolv.conf of nodes; address .53 of the public segment unless given, whether or not a host is there. */
  readonly nameserver?: string
  readonly cloud?: readonly NodeSpec[]
  readonly sites?: readonly SiteSpec[]
}

/** In no registry of special addresses, so libp2p takes it for public and announces it. */
export const DEFAULT_PUBLIC_SUBNET = '45.80.0.0/24'

/** What pods mostly have as their only nameserver: the node's own DNS server. */
export const POD_NAMESERVER = '169.254.96.16'
