import { Fields } from './fields.ts'

/** What a TLS client says first, as far as it is of use to who passes it on. */
export interface ClientHello {
  /** The name it wants to talk to, in lower case; `undefined` where it gives none that could be one. */
  readonly serverName: string | undefined
}

/** All of it and its records' headers together; real ones have a quarter of it at most, with post-quantum keys. */
export const MAX_HELLO_BYTES = 16 * 1024

/** Real ones come in one or two; some clients split them on purpose. */
const MAX_RECORDS = 64

/** RFC 8446, 5.1. */
const HANDSHAKE_RECORD = 22
const TLS_MAJOR_VERSION = 3
const RECORD_HEADER_BYTES = 5
/** RFC 8446, 4. */
const CLIENT_HELLO = 1
const MESSAGE_HEADER_BYTES = 4
/** Of `legacy_version` and `random`. */
const FIXED_BYTES = 2 + 32
/** RFC 6066, 3. */
const SERVER_NAME_EXTENSION = 0
const HOST_NAME = 0
/** What DNS may have, and underscores; RFC 6066 wants no final dot. */
const NAME = /^[a-z0-9_-]+(?:\.[a-z0-9_-]+)*$/
const MAX_NAME_BYTES = 253

/**
 * Reads the ClientHello that a TLS connection begins with, whole or split over any number of records. Nothing is terminated, and
 * only what leads to the server name is looked at.
 *
 * @param bytes - all that came so far
 * @returns `more`: it is not all there yet; `undefined`: it is none, malformed, or too long. Never throws.
 * @see RFC 8446, 4.1.2 and 5.1; RFC 6066, 3
 */
export function clientHello(bytes: Buffer): ClientHello | 'more' | undefined {
  const message = new MessageParts()
  let at = 0
  while (!message.isWhole) {
    const part = recordContent(bytes, at)
    if (part === undefined || part === 'more') return part
    at += RECORD_HEADER_BYTES + part.length
    if (!message.add(part) || at > MAX_HELLO_BYTES || message.bytes > MAX_HELLO_BYTES) return undefined
  }
  return helloOf(new Fields(message.body()))
}

/** The first record has to begin with a ClientHello: what does not is known as soon as that byte is there. */
function recordContent(bytes: Buffer, at: number): Buffer | 'more' | undefined {
  const [type, major] = [bytes[at], bytes[at + 1]]
  if (type !== undefined && type !== HANDSHAKE_RECORD) return undefined
  if (major !== undefined && major !== TLS_MAJOR_VERSION) return undefined
  if (at === 0 && bytes.length > RECORD_HEADER_BYTES && bytes[RECORD_HEADER_BYTES] !== CLIENT_HELLO) return
  if (bytes.length < at + RECORD_HEADER_BYTES) return 'more'
  const length = bytes.readUInt16BE(at + 3)
  if (length === 0 || length > MAX_HELLO_BYTES) return undefined
  const from = at + RECORD_HEADER_BYTES
  return bytes.length < from + length ? 'more' : bytes.subarray(from, from + length)
}

/** The first message of the handshake, as records bring it (RFC 8446, 4). Joined once: who sends byte by byte is read as often. */
class MessageParts {
  /** Of its header and body; as many as the header has until that is there. */
  bytes = MESSAGE_HEADER_BYTES
  readonly #parts: Buffer[] = []
  #length = 0

  get isWhole(): boolean {
    return this.#length > MESSAGE_HEADER_BYTES && this.#length >= this.bytes
  }

  /** @returns false: it is no ClientHello, or in more records than anybody makes of one */
  add(part: Buffer): boolean {
    const hadHeader = this.#length >= MESSAGE_HEADER_BYTES
    this.#parts.push(part)
    this.#length += part.length
    if (this.#parts.length > MAX_RECORDS) return false
    if (hadHeader || this.#length < MESSAGE_HEADER_BYTES) return true
    this.bytes = MESSAGE_HEADER_BYTES + Buffer.concat(this.#parts).readUIntBE(1, 3)
    return this.bytes >= MESSAGE_HEADER_BYTES + FIXED_BYTES
  }

  body(): Buffer {
    return Buffer.concat(this.#parts).subarray(MESSAGE_HEADER_BYTES, this.bytes)
  }
}

function helloOf(fields: Fields): ClientHello | undefined {
  fields.skip(FIXED_BYTES)
  fields.block(1) // legacy_session_id
  fields.block(2) // cipher_suites
  fields.block(1) // legacy_compression_methods
  if (fields.isOverrun) return undefined
  // Of TLS 1.2 and before: there may be none (RFC 5246, 7.4.1.2).
  if (fields.isAtEnd) return { serverName: undefined }
  const extensions = fields.block(2)
  return fields.isOverrun || !fields.isAtEnd ? undefined : helloOfExtensions(new Fields(extensions))
}

function helloOfExtensions(extensions: Fields): ClientHello | undefined {
  let serverNames: Buffer | undefined
  while (!extensions.isAtEnd) {
    const type = extensions.number(2)
    const content = extensions.block(2)
    if (extensions.isOverrun) return undefined
    if (type !== SERVER_NAME_EXTENSION) continue
    // There must not be two of a type (RFC 8446, 4.2).
    if (serverNames !== undefined) return undefined
    serverNames = content
  }
  return serverNames === undefined ? { serverName: undefined } : helloOfNames(new Fields(serverNames))
}

function helloOfNames(extension: Fields): ClientHello | undefined {
  const names = new Fields(extension.block(2))
  if (extension.isOverrun || !extension.isAtEnd) return undefined
  let hostName: Buffer | undefined
  while (!names.isAtEnd) {
    const type = names.number(1)
    const name = names.block(2)
    // There must not be two of a type (RFC 6066, 3).
    if (names.isOverrun || (type === HOST_NAME && hostName !== undefined)) return undefined
    if (type === HOST_NAME) hostName = name
  }
  return { serverName: hostName && validName(hostName) }
}

function validName(bytes: Buffer): string | undefined {
  const name = bytes.length > MAX_NAME_BYTES ? '' : bytes.toString('latin1').toLowerCase()
  return NAME.test(name) ? name : undefined
}
