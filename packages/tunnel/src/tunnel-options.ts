export interface TunnelOptions {
  readonly listenHost: string
  readonly listenPort: number
  /** Each tunnel server: `host:port` by TCP, `ws://host[:port]` or `wss://host[:port]` by WebSocket. */
  readonly servers: readonly string[]
  /**
   * Join tokens, one a line; the first usable one counts. Read anew at each attempt, and needed only to enrol: a node with
   * a valid certificate does without.
   */
  readonly joinTokenFile: string
  /** The node's Ed25519 key, made at the first start. */
  readonly keyFile: string
  /** Absolute path: `identity.json` and `peers.json` are kept there. */
  readonly dataDir: string
  /** Kubernetes labels that the node asks to have in its certificate. */
  readonly labels: Readonly<Record<string, string>>
  /** `host:port` where other nodes can dial this one, 16 at most; `auto`: the addresses of its interfaces, those of pods left out. */
  readonly announceAddresses: 'auto' | readonly string[]
  /**
   * Private addresses, which are always announced, are dialled also where the peer comes from another public address than
   * this node: for sites that a VPN joins, or that have several ways out. Wasteful where sites share subnets.
   */
  readonly usePrivateAddresses: boolean
  /**
   * Has the router of this node's LAN map a public port to the tunnel's, by NAT-PMP or UPnP, where it offers that, this node
   * has no public address, and `announceAddresses` is `auto`.
   */
  readonly portMapping: boolean
  /** Nodes of one LAN announce themselves there and find each other, also while no tunnel server is reached (mDNS, UDP port 5353). */
  readonly discoverNeighbours: boolean
  /**
   * For each step towards a session: connecting, enrolling, joining, reserving. Like all times for answers here, the least: more
   * where round trips are long, see `patienceMs`, and as long as bytes come. Up to four times as long after timeouts.
   */
  readonly joinTimeoutMs: number
  /** For a connection to another node, on whatever path. */
  readonly connectTimeoutMs: number
  /** How long the direct path to a node is tried alone. */
  readonly relayDelayMs: number
  /** How long addresses that did not answer are left alone while a relay serves. */
  readonly directRetryMs: number
  /** For the other agent to take a stream: a round trip. */
  readonly openTimeoutMs: number
  /** For the other agent to connect to the Endpoint and say so. */
  readonly answerTimeoutMs: number
  /** For another agent to say what it wants of a stream that it opened. */
  readonly requestTimeoutMs: number
  /** How long a peer that is not known yet has to show its certificate. */
  readonly unknownPeerWaitMs: number
  /** For open flows to end when the tunnel stops. */
  readonly drainTimeoutMs: number
}

/** `servers` has no default: there is no tunnel server that everybody could use. */
export const DEFAULT_TUNNEL_OPTIONS: Omit<TunnelOptions, 'servers'> = {
  listenHost: '0.0.0.0',
  listenPort: 20_008,
  joinTokenFile: '/etc/edgeway/join-token',
  keyFile: '/var/lib/edgeway/agent/key',
  dataDir: '/var/lib/edgeway/agent',
  labels: {},
  announceAddresses: 'auto',
  usePrivateAddresses: false,
  portMapping: true,
  discoverNeighbours: true,
  joinTimeoutMs: 5_000,
  connectTimeoutMs: 8_000,
  relayDelayMs: 250,
  directRetryMs: 30_000,
  openTimeoutMs: 4_000,
  answerTimeoutMs: 10_000,
  requestTimeoutMs: 5_000,
  unknownPeerWaitMs: 1_000,
  drainTimeoutMs: 1_000,
}
