/** Limits of UDP forwarding. Durations are milliseconds, counts are sessions. */
export interface UdpOptions {
  /** A session without a datagram in either direction for so long ends. */
  readonly idleTimeoutMs: number
  /** A DNS session ends so long after each of its questions has got an answer. */
  readonly dnsAnsweredTimeoutMs: number
  /** A DNS session with a question that nobody answers ends after so long. */
  readonly dnsUnansweredTimeoutMs: number
  /** Open ones of one ServicePort in one family at most. */
  readonly maxSessionsPerServicePort: number
  /** Open ones of this node's clients at most; each to a pod or a routed node takes a descriptor. */
  readonly maxSessions: number
}

export const DEFAULT_UDP_OPTIONS: UdpOptions = {
  idleTimeoutMs: 60_000,
  dnsAnsweredTimeoutMs: 1_000,
  dnsUnansweredTimeoutMs: 10_000,
  maxSessionsPerServicePort: 4_096,
  maxSessions: 16_384,
}
