/** A frame of yamux brings that much at most: what a stream may send ahead, see `maxStreamWindowSize`. */
const MAX_FRAME_BYTES = 1024 * 1024
/** Less is answers of the multiplexer. */
const MIN_FRAME_BYTES = 1024
/** Bytes that come so slowly are no frame any more. */
const MAX_PAUSE_MS = 3_000

/** Of a connection to a relay. */
export interface Received {
  readonly bytes: number
  /** When the last came that were more than an answer of the multiplexer, in ms. */
  readonly at: number
}

/**
 * Whether what has come from the relay, since a circuit through it fell silent, may be a part of a frame for that circuit: bytes
 * keep coming, and are not more than one frame has.
 */
export function isFrameComing(before: Received, received: Received, now: number): boolean {
  const bytes = received.bytes - before.bytes
  return bytes >= MIN_FRAME_BYTES && bytes <= MAX_FRAME_BYTES && now - received.at < MAX_PAUSE_MS
}
