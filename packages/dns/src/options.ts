import type { StubDomain } from './forward/stub-domains.ts'

/** The cluster's own DNS: what this node does in its place, and what it asks there. */
export interface ClusterDnsOptions {
  /** Its Services, `namespace/name` each. */
  readonly services: readonly string[]
  /**
   * What is sent to port 53 at their ClusterIPs is answered by this responder. Off unless the binary knows better: in the
   * cloud the cluster's DNS is at hand.
   */
  readonly intercept: boolean
  /** Names of the cluster's zones are asked of the cluster's DNS through the cache, rather than answered from memory: of the ClusterIPs and endpoints of `services`. */
  readonly cacheMode: boolean
  /** Resolvers to ask instead: `ip`, `ip:port` or `[ipv6]:port`. */
  readonly upstreams: readonly string[]
  /** The upper bound of TTLs of their answers, negative ones too. */
  readonly maxTtlSeconds: number
}

/** How the node-level DNS responder listens, what it answers itself and whom it asks for the rest. */
export interface DnsOptions {
  /** UDP and TCP port on the node's address; 0 picks a free one, the same for both. */
  readonly listenPort: number
  /** `auto`: many datagrams by one system call, where that works; else by Node's own sockets. The others force one. */
  readonly udpEngine: 'auto' | 'batch' | 'dgram'
  /** The cluster's DNS domain, without a trailing dot. */
  readonly clusterDomain: string
  /** TTL of the cluster zone's records, negative answers included. */
  readonly ttlSeconds: number
  /** Where upstreams come from while `upstreams` is empty; read again when it changes. */
  readonly resolvConf: string
  /** How often `resolvConf` is looked at for changes. */
  readonly resolvConfPollMs: number
  /** Upstream resolvers in order of preference: `ip`, `ip:port` or `[ipv6]:port`. */
  readonly upstreams: readonly string[]
  /** Domains whose names are asked of resolvers of their own; the longest that fits counts. */
  readonly stubDomains: readonly StubDomain[]
  readonly clusterDns: ClusterDnsOptions
  /** Spares clients the rest of their search list, where the namespace of their pod is known. */
  readonly autopath: boolean
  /** Names are asked in a random case, which replies over UDP must have, too. */
  readonly randomizeQueryCase: boolean
  /** One attempt at one upstream. */
  readonly upstreamTimeoutMs: number
  /** All attempts for one query together; below the 5 s after which stub resolvers give up (resolv.conf(5)). */
  readonly forwardTimeoutMs: number
  /** How often an upstream that failed is probed; until it replies it is asked only after all others. */
  readonly upstreamHoldOffMs: number
  /** How long a TCP connection to an upstream is kept without queries (RFC 7766 section 6.2.3). */
  readonly upstreamTcpIdleTimeoutMs: number
  /**
   * Queries that may wait for the upstreams of one domain at the same time; each holds a socket, unless another asks the
   * same. A single client gets half of them.
   */
  readonly maxForwardedQueries: number
  /** Memory for answers of upstreams; 0: none are kept. */
  readonly cacheBytes: number
  /** Bounds of the TTLs of answers that are kept, in seconds; the upper ones hold where they contradict each other. */
  readonly cacheMinTtlSeconds: number
  readonly cacheMaxTtlSeconds: number
  /** The upper bound of negative answers (RFC 2308 section 5). */
  readonly cacheMaxNegativeTtlSeconds: number
  /** How long a question that no upstream could answer is not asked again: 1 to 5 (RFC 9520). */
  readonly cacheFailureTtlSeconds: number
  /** How long after their end answers are still given while no upstream answers (RFC 8767); 0: not at all. */
  readonly staleSeconds: number
  /** How long a client waits for a fresh answer where there is a stale one. */
  readonly staleAnswerTimeoutMs: number
  /** Largest UDP answer, whatever the client offers: 1232 fits any path unfragmented (DNS flag day 2020). */
  readonly maxUdpPayloadBytes: number
  /** UDP answers for each client address (IPv6: each /64) and second, twice as many at once; 0: no bound. */
  readonly responsesPerSecondPerClient: number
  /** A TCP connection without a complete query or an answer for that long is closed (RFC 7766 section 6.2.3). */
  readonly tcpIdleTimeoutMs: number
  /** Where there are that many, who has most of them makes room for who has fewer. */
  readonly maxTcpConnections: number
  /** Queries of one TCP connection that may be in work at the same time; then it is read no further. */
  readonly maxTcpPipelinedQueries: number
  /** How long a stop waits for answers that are still in work. */
  readonly drainTimeoutMs: number
}

export const DEFAULT_DNS_OPTIONS: DnsOptions = {
  listenPort: 53,
  udpEngine: 'auto',
  clusterDomain: 'cluster.local',
  ttlSeconds: 5,
  resolvConf: '/etc/resolv.conf',
  resolvConfPollMs: 5_000,
  upstreams: [],
  stubDomains: [],
  clusterDns: {
    services: ['kube-system/kube-dns', 'kube-system/coredns'],
    intercept: false,
    cacheMode: false,
    upstreams: [],
    maxTtlSeconds: 30,
  },
  autopath: false,
  randomizeQueryCase: true,
  upstreamTimeoutMs: 1_500,
  forwardTimeoutMs: 4_500,
  upstreamHoldOffMs: 5_000,
  upstreamTcpIdleTimeoutMs: 10_000,
  maxForwardedQueries: 1_000,
  cacheBytes: 8 * 1_024 * 1_024,
  cacheMinTtlSeconds: 0,
  cacheMaxTtlSeconds: 86_400,
  cacheMaxNegativeTtlSeconds: 3_600,
  cacheFailureTtlSeconds: 2,
  staleSeconds: 86_400,
  staleAnswerTimeoutMs: 1_800,
  maxUdpPayloadBytes: 1_232,
  responsesPerSecondPerClient: 5_000,
  tcpIdleTimeoutMs: 10_000,
  maxTcpConnections: 256,
  maxTcpPipelinedQueries: 32,
  drainTimeoutMs: 2_000,
}
