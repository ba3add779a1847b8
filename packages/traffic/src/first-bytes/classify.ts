/**
 * What the first bytes of a client are: a request of HTTP/1, the preface of HTTP/2 in plain text, a record of TLS, or of no
 * protocol that is told apart; `more`: they don't say yet.
 */
export type FirstBytesKind = 'http1' | 'http2' | 'tls' | 'other' | 'more'

/** RFC 9113, 3.4. */
const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1')

/** Of the registry of methods of HTTP (RFC 9110, 16.1.1) and of WebDAV (RFC 4918, 3253, 3744, 4791, 5323, 5789); PURGE of caches. */
const METHODS: ReadonlySet<string> = new Set(
  `ACL BASELINE-CONTROL BIND CHECKIN CHECKOUT CONNECT COPY DELETE GET HEAD LABEL LINK LOCK MERGE MKACTIVITY MKCALENDAR MKCOL
  MKREDIRECTREF MKWORKSPACE MOVE OPTIONS ORDERPATCH PATCH POST PROPFIND PROPPATCH PURGE PUT QUERY REBIND REPORT SEARCH TRACE
  UNBIND UNCHECKOUT UNLINK UNLOCK UPDATE UPDATEREDIRECTREF VERSION-CONTROL`.split(/\s+/),
)
const METHOD_LIST = [...METHODS]
const MAX_METHOD_BYTES = 32

/** A first line without an end is waited for up to here. */
const MAX_LINE_BYTES = 8 * 1024
/**
 * Empty lines that a client may send before its first request (RFC 9112, 2.2). Nothing but HTTP begins with more, and many a server
 * overlooks them: that is for who reads HTTP to refuse.
 */
const MAX_EMPTY_LINES = 2

/** A space, the version, and a CR. */
const LAST_PART_BYTES = 10

const [LF, CR, SPACE, SLASH, ASTERISK, DELETE] = [0x0a, 0x0d, 0x20, 0x2f, 0x2a, 0x7f]
/** RFC 8446, 5.1. */
const HANDSHAKE_RECORD = 0x16
const TLS_MAJOR_VERSION = 0x03

/**
 * Tells protocols apart by how a connection begins. Malformed requests of a known method are HTTP: to refuse them is for who
 * reads HTTP. Bytes that can't become a request are `other` at the first one that says so.
 *
 * @param bytes - all that came so far
 */
export function classify(bytes: Buffer): FirstBytesKind {
  const first = bytes[0]
  if (first === undefined) return 'more'
  if (first === HANDSHAKE_RECORD) return tlsOrOther(bytes[1])
  if (isPrefaceSoFar(bytes)) return bytes.length >= PREFACE.length ? 'http2' : 'more'
  const from = endOfEmptyLines(bytes)
  if (from === bytes.length) return 'more'
  return isLineEnd(bytes[from]) ? 'http1' : requestOrOther(bytes, from)
}

function tlsOrOther(second: number | undefined): FirstBytesKind {
  if (second === undefined) return 'more'
  return second === TLS_MAJOR_VERSION ? 'tls' : 'other'
}

function isPrefaceSoFar(bytes: Buffer): boolean {
  const length = Math.min(bytes.length, PREFACE.length)
  return bytes.compare(PREFACE, 0, length, 0, length) === 0
}

/** @returns index of what comes after them; a CR whose LF is not there yet counts as one */
function endOfEmptyLines(bytes: Buffer): number {
  let at = 0
  for (let lines = 0; lines < MAX_EMPTY_LINES; lines++) {
    if (!isLineEnd(bytes[at])) return at
    if (bytes[at] === CR) at += 1
    if (bytes[at] === LF) at += 1
  }
  return Math.min(at, bytes.length)
}

function isLineEnd(byte: number | undefined): boolean {
  return byte === CR || byte === LF
}

function requestOrOther(bytes: Buffer, from: number): FirstBytesKind {
  const end = endOfMethod(bytes, from)
  const method = bytes.toString('latin1', from, end)
  if (end === bytes.length) return methodSoFar(method)
  if (METHODS.has(method)) return 'http1'
  return end > from && bytes[end] === SPACE ? unknownMethod(bytes, end + 1) : 'other'
}

function endOfMethod(bytes: Buffer, from: number): number {
  const max = Math.min(bytes.length, from + MAX_METHOD_BYTES)
  let at = from
  while (at < max && isMethodByte(bytes[at] ?? 0)) at += 1
  return at
}

/** A to Z, a to z, hyphen, underscore: what methods are made of, though a token may have more. */
function isMethodByte(byte: number): boolean {
  const letter = byte | 0x20
  return (letter >= 0x61 && letter <= 0x7a) || byte === 0x2d || byte === 0x5f
}

/** Of those that no registry has, a part is waited for only where it is in capitals, as methods are: greetings often are not. */
function methodSoFar(method: string): FirstBytesKind {
  const mayGoOn = METHOD_LIST.some((known) => known.startsWith(method)) || /^[A-Z_-]+$/.test(method)
  return mayGoOn && method.length < MAX_METHOD_BYTES ? 'more' : 'other'
}

/** Its line has to look like a request's from the target on, and to end as one. */
function unknownMethod(bytes: Buffer, target: number): FirstBytesKind {
  if (target === bytes.length) return 'more'
  if (!isTargetSoFar(bytes, target)) return 'other'
  const end = endOfText(bytes, target)
  if (bytes[end] === LF) return isRequestLine(bytes, end) ? 'http1' : 'other'
  return end === bytes.length && end < MAX_LINE_BYTES ? 'more' : 'other'
}

/** A path, `*`, or an URL of HTTP (RFC 9112, 3.2). */
function isTargetSoFar(bytes: Buffer, target: number): boolean {
  if (bytes[target] === SLASH || bytes[target] === ASTERISK) return true
  const text = bytes.toString('latin1', target, target + 'https://'.length).toLowerCase()
  return text.startsWith('http://') || 'http://'.startsWith(text) || 'https://'.startsWith(text)
}

/** @returns index of the first control character other than CR, or of the end */
function endOfText(bytes: Buffer, from: number): number {
  const max = Math.min(bytes.length, MAX_LINE_BYTES)
  for (let at = from; at < max; at++) if (bytes[at] !== CR && isControl(bytes[at] ?? 0)) return at
  return max
}

function isRequestLine(bytes: Buffer, end: number): boolean {
  return / HTTP\/\d\.\d\r?$/.test(bytes.toString('latin1', end - LAST_PART_BYTES, end))
}

function isControl(byte: number): boolean {
  return byte < SPACE || byte === DELETE
}
