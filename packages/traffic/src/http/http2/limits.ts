import type { ServerSessionOptions, Settings } from 'node:http2'

/** Of one client's session, at one time. */
const MAX_CLIENT_STREAMS = 256

/** For so much data of one stream there is room here: so much waits for a slow reader at most, in each direction. */
export const STREAM_WINDOW_BYTES = 131_072

/** The same from endpoints behind a tunnel, where a round trip takes long. */
export const TUNNEL_STREAM_WINDOW_BYTES = 1_048_576

/** Of all streams together; node:http2 gives it back at once, so that a stopped stream never stops its neighbours. */
export const SESSION_WINDOW_BYTES = 8_388_608

/** As HTTP/1.1 has it here: a header section with all names, values and 32 bytes for each field (RFC 9113, 6.5.2). */
const MAX_HEADER_LIST_BYTES = 65_536

const MAX_FIELDS = 200

export const CLIENT_SETTINGS: Settings = {
  maxConcurrentStreams: MAX_CLIENT_STREAMS,
  initialWindowSize: STREAM_WINDOW_BYTES,
  maxHeaderListSize: MAX_HEADER_LIST_BYTES,
}

/** Of sessions with endpoints. They don't push (RFC 9113, 8.4): nobody asks them to. */
export const ENDPOINT_SETTINGS: Settings = { enablePush: false, maxHeaderListSize: MAX_HEADER_LIST_BYTES }

/** In both directions. */
export const SESSION_OPTIONS = {
  /** MiB, beside which no new streams are taken. */
  maxSessionMemory: 32,
  maxHeaderListPairs: MAX_FIELDS,
  /** What was taken is also passed on, with some fields of our own. */
  maxSendHeaderBlockLength: 2 * MAX_HEADER_LIST_BYTES,
  maxSettings: 32,
  /** Fields that came twice are the peer's to judge, as long as they don't make a message ambiguous: nghttp2 refuses those. */
  strictSingleValueFields: false,
} as const

/**
 * What a client may do to itself and no more. It is cut off when it resets streams faster than that (CVE-2023-44487), sends invalid
 * frames, or opens streams beyond its number; floods of PING, SETTINGS, CONTINUATION and empty DATA are bounded by nghttp2 itself.
 */
export const CLIENT_SESSION_OPTIONS: ServerSessionOptions = {
  ...SESSION_OPTIONS,
  settings: CLIENT_SETTINGS,
  maxSessionInvalidFrames: 100,
  maxSessionRejectedStreams: 100,
  streamResetBurst: 300,
  streamResetRate: 50,
}
