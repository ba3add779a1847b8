export const DHT_PROTOCOL = '/edgeway/kad/1.0.0'

/** In one direction of one stream: the largest record, and 20 peers that are named with it, take less than half. */
export const MAX_STREAM_BYTES = 64 * 1024

/** On one connection, at a time; one question is one stream. Defaults 32 and 64. */
export const DHT_STREAMS = { maxInboundStreams: 64, maxOutboundStreams: 64 }
