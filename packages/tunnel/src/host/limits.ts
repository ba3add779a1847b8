import type { LivenessOptions } from './silence.ts'

/**
 * Every limit of libp2p and of WebSockets that the mesh sets, in one place. js-libp2p's defaults fit a peer of a public
 * network, not a server with thousands of agents nor an agent with thousands of flows: most of them cut off silently.
 * Those of what one member may have of a relay are options: `server/relay-quota.ts`.
 */

const KIB = 1024
const MIB = 1024 * KIB

/** Streams per connection, and circuits at a relay: more than an agent can serve with its memory anyway. */
export const MAX_STREAMS = 20_000

export const YAMUX_LIMITS = {
  // Default true, every 30 s by both sides, and a late answer ends the connection. `Liveness` asks by the same question, at
  // once for the first time: without the round-trip time that yamux learns by it no window ever grows.
  enableKeepAlive: false,
  // Defaults 1,000: one flow is one stream, and all flows to a peer share a connection.
  maxInboundStreams: MAX_STREAMS,
  maxOutboundStreams: MAX_STREAMS,
  // Default 10; over it the whole connection is aborted. A busy peer opens many before our handler is attached.
  maxEarlyStreams: 1_000,
  streamOptions: {
    // The least that yamux allows. A stream that is read fast grows its window up to the maximum.
    initialStreamWindowSize: 256 * KIB,
    // Default 16 MiB: more than the read buffer may hold, so a paused stream would be reset. It also bounds what each
    // hop keeps per flow, and what the relay keeps per circuit and direction when a peer does not read: all flows of two
    // peers share a circuit, so with less a relayed bulk flow would get less than 1 MiB per round trip to the relay.
    maxStreamWindowSize: 1 * MIB,
    // Well above the window: pausing may grant one window too many.
    maxReadBufferLength: 4 * MIB,
  },
}

/**
 * Defaults 2 minutes: connections without a byte are cut. Whether a silent one lives is `Liveness`'s affair, and the time
 * between its questions is nobody else's. 0 is never.
 *
 * `autoSelectFamilyAttemptTimeout`, default 250 ms: of a name's addresses, each but the last is given up after that time, so a
 * way that is longer could be used by the last one only.
 *
 * `backlog`, default 511: where it is full the kernel drops who connects, who then waits for seconds, and longer each time. The
 * kernel caps it (net.core.somaxconn, 4,096).
 */
export const TCP_LIMITS = {
  inboundSocketInactivityTimeout: 0,
  outboundSocketInactivityTimeout: 0,
  dialOpts: { noDelay: true, autoSelectFamilyAttemptTimeout: 1_500 },
  backlog: 4_096,
}

export const CONNECTION_LIMITS = {
  // Default 300; over it connections are closed at random.
  maxConnections: 20_000,
  // Default 5 per second and host. Not limited: a whole site is one host behind its NAT, all sites are one behind a load
  // balancer, and all come back at once after a restart. What bounds strangers is the next one.
  inboundConnectionThreshold: Number.MAX_SAFE_INTEGER,
  // Default 10. Those beyond are cut before their handshake, at a tenth of its cost, and come again after their back-off:
  // the storm of 1,000 agents after a restart of the server passes without.
  maxIncomingPendingConnections: 1_000,
  // Default 10 s: 1,000 handshakes at once take longer on a busy core, and one that is cut has cost as much as one that is
  // not.
  inboundUpgradeTimeout: 20_000,
}

/**
 * At a tunnel server, of one peer: an agent needs one, and one for each way by which it is configured to come. Others are
 * dead without anybody having noticed yet. A member would else have all of the above.
 */
export const MAX_CONNECTIONS_OF_PEER = 16

/**
 * How silence is judged, see `judgeSilence`. Agents must notice a dead path soon while a call waits; while nothing does,
 * a question costs some 300 bytes on the wire and keeps the mapping of a NAT. Two servers and ten peers make 1.1 MB/h (measured on the wire).
 */
export const AGENT_LIVENESS: LivenessOptions = {
  tickMs: 150,
  idleMs: 30_000,
  relayIdleMs: 15_000,
  answerMs: 800,
  waitingGraceMs: 1_900,
  idleGraceMs: 6_000,
  // Measured at 64 kbit/s and 5 % loss: 12.5 s without a byte. Not longer than need be: a load balancer acknowledges for a dead
  // server.
  heldUpGraceMs: 20_000,
  circuitGraceMs: 12_000,
  // What yamux lets one stream send ahead, 256 KiB, takes 33 s at 64 kbit/s.
  slowCircuitGraceMs: 40_000,
}
/** The server is asked by its agents, so it asks those only that are silent; it has thousands, and is patient. */
export const SERVER_LIVENESS: LivenessOptions = {
  tickMs: 1_000,
  idleMs: 30_000,
  relayIdleMs: 30_000,
  answerMs: 10_000,
  waitingGraceMs: 0,
  idleGraceMs: 0,
  heldUpGraceMs: 0,
  circuitGraceMs: 0,
  slowCircuitGraceMs: 0,
}

/** Defaults 2 and 1: a question slower than the interval meets the next one. */
export const PING_LIMITS = { maxInboundStreams: 32, maxOutboundStreams: 32 }

export const CIRCUIT_LIMITS = {
  // Default 1: the first success would clear the queue, and the second relay would wait for ever.
  reservationConcurrency: 8,
  // Default 5 s, and what has come until then is thrown away. Whoever waits for a reservation has a deadline that knows the way.
  reservationCompletionTimeout: 60_000,
  // Default 300: as many peers as have a circuit to this one through one relay.
  maxInboundStopStreams: MAX_STREAMS,
}

export const WEB_SOCKET_LIMITS = {
  // Of libp2p's bytes, which have no borders of their own. Small enough for any proxy, large enough to cost little per byte.
  messageBytes: 64 * KIB,
  // Default 100 MiB, from anybody. What the other side's implementation may choose; more is refused before it is in memory.
  maxMessageBytes: 1 * MIB,
  // Default 60 s: a client that has not finished TLS or asked for a WebSocket by then is cut off.
  requestTimeoutMs: 10_000,
  // Default 16 KiB: browsers' cookies are not needed here.
  maxHeaderBytes: 8 * KIB,
}

/**
 * Connections that a tunnel server serves at the same time until they have joined: one takes it some 20 ms, and some ten round
 * trips. The others wait for longer than one that says nothing may keep its place, and for much less time than their side does,
 * which then has the rest for joining.
 */
export const ARRIVALS = { atOnce: 128, patienceMs: 1_500, maxWaitMs: 2_500, maxWaiting: 1_000 }
