/**
 * What a server says before its client has said anything: a greeting; the preface of HTTP/2, which servers may send at once
 * (RFC 9113, 3.4) while they wait for the client's all the same; a response of HTTP/1, to a client that was silent for too long; `more`:
 * the bytes don't say yet.
 */
export type ServerWords = 'greeting' | 'http2' | 'http1' | 'more'

/** RFC 9113, 4.1. */
const FRAME_HEADER_BYTES = 9
const SETTINGS = 0x04
/** RFC 9113, 6.5: of each setting. */
const SETTING_BYTES = 6
const MAX_SETTINGS = 64

const RESPONSE = Buffer.from('HTTP/1.', 'latin1')

/** @param bytes - all that came so far */
export function serverWords(bytes: Buffer): ServerWords {
  if (bytes.length === 0) return 'more'
  const length = Math.min(bytes.length, RESPONSE.length)
  if (bytes.compare(RESPONSE, 0, length, 0, length) === 0) return length < RESPONSE.length ? 'more' : 'http1'
  if (!isSettingsSoFar(bytes)) return 'greeting'
  return bytes.length < FRAME_HEADER_BYTES ? 'more' : 'http2'
}

/** Length, type, no flags, stream 0. */
function isSettingsSoFar(bytes: Buffer): boolean {
  const [high = 0, middle = 0, low = 0, type = SETTINGS, ...rest] = bytes.subarray(0, FRAME_HEADER_BYTES)
  const length = (high << 16) | (middle << 8) | low
  return (
    length <= MAX_SETTINGS * SETTING_BYTES &&
    (bytes.length < 3 || length % SETTING_BYTES === 0) &&
    type === SETTINGS &&
    rest.every((byte) => byte === 0)
  )
}
