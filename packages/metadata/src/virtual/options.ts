/** Addresses by which pods call endpoints of headless Services whose own addresses lead nowhere from here. */
export interface VirtualAddressOptions {
  /** In CIDR notation, or `off`: endpoints of that family keep their own addresses. */
  readonly ipv4: string
  readonly ipv6: string
  /** How long an address stays with an endpoint that is gone. */
  readonly retentionSeconds: number
}

/**
 * 240.0.0.0/4 is of no network (RFC 1112 section 4), so that nobody else's address can be among these; Linux carries it since
 * 2.6.25, and Istio uses the same range for the same purpose.
 */
export const DEFAULT_VIRTUAL_ADDRESS_OPTIONS: VirtualAddressOptions = {
  ipv4: '240.240.0.0/16',
  ipv6: 'fd00:e:1::/64',
  retentionSeconds: 604_800,
}
