/**
 * Every limit of libp2p that the mesh sets, in one place. js-libp2p's defaults fit a peer of a public network, not a
 * server with thousands of agents nor an agent with thousands of flows: most of them cut off silently.
 */

const KIB = 1024
const MIB = 1024 * KIB

/** Streams per connection, and circuits at a relay: more than an agent can serve with its memory anyway. */
export const MAX_STREAMS = 20_000

export const YAMUX_LIMITS = {
  // Defaults 1,000: one flow is one stream, and all flows to a peer share a connection.
  maxInboundStreams: MAX_STREAMS,
  maxOutboundStreams: MAX_STREAMS,
  // Default 10; over it the whole connection is aborted. A busy peer opens many before our handler is attached.
  maxEarlyStreams: 1_000,
  streamOptions: {
    // The least that yamux allows. A stream that is read fast grows its window up to the maximum.
    initialStreamWindowSize: 256 * KIB,
    // Default 16 MiB: more than the read buffer may hold, so a paused stream would be reset. It also bounds what each
    // hop keeps per flow.
    maxStreamWindowSize: 1 * MIB,
    // Well above the window: pausing may grant one window too many.
    maxReadBufferLength: 4 * MIB,
  },
}

/**
 * Default 2 minutes: connections without a byte are cut. Whether a silent one lives is `Liveness`'s affair, and the time
 * between its questions is nobody else's.
 */
export const TCP_LIMITS = { inboundSocketInactivityTimeout: 0, outboundSocketInactivityTimeout: 0 }

export const CONNECTION_LIMITS = {
  // Default 300; over it connections are closed at random.
  maxConnections: 20_000,
  // Default 5 per second and host: a whole site is one host behind its NAT, and all come back after a restart.
  inboundConnectionThreshold: 1_000,
  // Default 10: the reconnect storm after a restart of the server.
  maxIncomingPendingConnections: 1_000,
}

/**
 * Agents look often whether a silent connection still lives: they must notice a dead path soon. The server looks less
 * often: each question costs about 2 ms of CPU, and it has thousands of connections. The timeout leaves room for a busy
 * machine and for bytes that are sent before the question.
 */
export const AGENT_LIVENESS = { intervalMs: 2_000, timeoutMs: 5_000 }
export const SERVER_LIVENESS = { intervalMs: 5_000, timeoutMs: 10_000 }

/** Defaults 2 and 1: a question slower than the interval meets the next one. */
export const PING_LIMITS = { maxInboundStreams: 32, maxOutboundStreams: 32 }
