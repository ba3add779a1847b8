/**
 * The codec border: bytes of strangers become a Query or a clear refusal, answers become bytes. Nothing here throws on
 * any input. The only user of `dns-packet`, which encodes records and reads what surrounds the question in queries
 * that are not of the common form. It is not given the question: it loses bytes that are not UTF-8, and the bounds
 * between labels that contain dots.
 */
import dnsPacket from 'dns-packet'
import { lowerCaseAscii } from './ascii-case.ts'
import { CLASS_IN, RCODE, TYPE } from './codes.ts'
import { DNSSEC_OK, FLAG, HEADER_BYTES, OPT_BYTES, QUESTION_TAIL_BYTES } from './header.ts'

/** A name has at most 255 bytes with its root label, a label 63 (RFC 1035 section 2.3.4). */
const MAX_NAME_BYTES = 255
const MAX_LABEL_BYTES = 63

/** Smallest UDP answer size that every client takes (RFC 1035 section 2.3.4, RFC 6891 section 6.2.3). */
const MIN_UDP_PAYLOAD_BYTES = 512

/** Longer queries are refused: a name, an OPT record with padding (RFC 8467) and a signature fit amply. */
export const MAX_QUERY_BYTES = 4_096

/** What the client said in its OPT record. */
export interface Edns {
  /** Largest UDP answer that the client takes, at least 512. */
  readonly udpPayloadBytes: number
  readonly isDnssecOk: boolean
  readonly version: number
}

/** A well-formed query for one name of class IN. */
export interface Query {
  readonly id: number
  /** The header's flags as received. */
  readonly flags: number
  /** In lower case, the most specific first, bytes kept as latin1 text: a label may contain any byte, a dot too. */
  readonly labels: readonly string[]
  readonly type: number
  /** The question as received (name in its case, type, class); answers repeat it byte by byte. */
  readonly question: Buffer
  readonly edns: Edns | undefined
}

/** Outcome of reading a message: a query, a refusal to send back, or nothing to be said. */
export type Decoded =
  | { readonly kind: 'query'; readonly query: Query }
  /** `query` is there when its question could be read. */
  | { readonly kind: 'refused'; readonly rcode: number; readonly query: Query | undefined }
  | { readonly kind: 'dropped'; readonly reason: 'too-short' | 'not-a-query' }

/** Reads a message from a client. Time and memory are bounded by its length. */
export function decodeQuery(message: Buffer): Decoded {
  if (message.length < HEADER_BYTES) return { kind: 'dropped', reason: 'too-short' }
  const flags = message.readUInt16BE(2)
  // Answering an answer would let two servers talk for ever.
  if ((flags & FLAG.QR) !== 0) return { kind: 'dropped', reason: 'not-a-query' }
  if ((flags & FLAG.OPCODE) !== 0) return refused(RCODE.NOTIMP)
  if (message.length > MAX_QUERY_BYTES || !hasQueryCounts(message)) return refused(RCODE.FORMERR)

  const questionEnd = endOfName(message) + QUESTION_TAIL_BYTES
  if (questionEnd < HEADER_BYTES || questionEnd > message.length) return refused(RCODE.FORMERR)
  const edns = decodeEdns(message, questionEnd)
  if (edns === 'malformed') return refused(RCODE.FORMERR)

  const query: Query = {
    id: message.readUInt16BE(0),
    flags,
    labels: labelsOf(message, questionEnd - QUESTION_TAIL_BYTES),
    type: message.readUInt16BE(questionEnd - 4),
    question: message.subarray(HEADER_BYTES, questionEnd),
    edns,
  }
  const rcode = refusalOf(query)
  return rcode === undefined ? { kind: 'query', query } : refused(rcode, query)
}

/** The size up to which `query` may be answered over UDP. */
export function udpPayloadBytes(query: Query): number {
  return query.edns?.udpPayloadBytes ?? MIN_UDP_PAYLOAD_BYTES
}

/** A record for `encodeRecord`; without `owner` it belongs to the name of the question, in the question's case. */
export interface RecordText {
  readonly owner?: string
  readonly ttlSeconds: number
  readonly record:
    | { readonly type: 'A' | 'AAAA'; readonly data: string }
    | { readonly type: 'TXT'; readonly data: string }
    | { readonly type: 'SOA'; readonly data: { mname: string; rname: string; minimum: number } & SoaTimes }
}

interface SoaTimes {
  readonly serial: number
  readonly refresh: number
  readonly retry: number
  readonly expire: number
}

/** The wire form of a record of our own, to be used in any number of answers. */
export function encodeRecord({ owner, ttlSeconds, record }: RecordText): Buffer {
  const packet = dnsPacket.encode({
    type: 'response',
    answers: [{ name: owner ?? '.', ttl: ttlSeconds, ...record }],
  })
  const encoded = Buffer.from(packet.subarray(HEADER_BYTES))
  if (owner !== undefined) return encoded
  // The root name's one byte makes way for a pointer to the question's name, which always follows the header.
  return Buffer.concat([Buffer.from([0xc0, HEADER_BYTES]), encoded.subarray(1)])
}

function refused(rcode: number, query?: Query): Decoded {
  return { kind: 'refused', rcode, query }
}

/** Why a well-formed query is not answered; `undefined` for those that are. */
function refusalOf({ question, type, edns }: Query): number | undefined {
  if (edns !== undefined && edns.version !== 0) return RCODE.BADVERS
  if (question.readUInt16BE(question.length - 2) !== CLASS_IN) return RCODE.REFUSED
  // Zone transfers would be more than one message, and tell more than a client needs to know.
  return type === TYPE.AXFR || type === TYPE.IXFR ? RCODE.REFUSED : undefined
}

/**
 * One question; at most as many records as a query can have reason for (as miekg/dns' DefaultMsgAcceptFunc), which
 * also bounds the work that compression pointers can make.
 */
function hasQueryCounts(message: Buffer): boolean {
  return (
    message.readUInt16BE(4) === 1 &&
    message.readUInt16BE(6) <= 1 &&
    message.readUInt16BE(8) <= 1 &&
    message.readUInt16BE(10) <= 2
  )
}

/** Where the question's name ends; negative when it is malformed. Nothing precedes it that it could point to. */
function endOfName(message: Buffer): number {
  let offset = HEADER_BYTES
  while (offset < message.length && offset - HEADER_BYTES < MAX_NAME_BYTES) {
    const length = message.readUInt8(offset)
    if (length === 0) return offset + 1
    if (length > MAX_LABEL_BYTES) return -MAX_NAME_BYTES
    offset += length + 1
  }
  return -MAX_NAME_BYTES
}

function labelsOf(message: Buffer, end: number): string[] {
  const name = lowerCaseAscii(message.toString('latin1', HEADER_BYTES, end - 1))
  const labels: string[] = []
  for (let offset = 0; offset < name.length; ) {
    const next = offset + 1 + name.charCodeAt(offset)
    labels.push(name.slice(offset + 1, next))
    offset = next
  }
  return labels
}

/** Reads the common forms (no further records; one OPT record at the end) itself, all others with `dns-packet`. */
function decodeEdns(message: Buffer, offset: number): Edns | undefined | 'malformed' {
  const otherCounts = message.readUInt32BE(6)
  const additionals = message.readUInt16BE(10)
  if (otherCounts === 0 && additionals === 0) return undefined
  if (otherCounts === 0 && additionals === 1 && isLastOpt(message, offset)) {
    return ednsOf({
      udpPayloadSize: message.readUInt16BE(offset + 3),
      ednsVersion: message.readUInt8(offset + 6),
      flags: message.readUInt16BE(offset + 7),
    })
  }
  return decodeUncommonEdns(message)
}

function isLastOpt(message: Buffer, offset: number): boolean {
  return (
    offset + OPT_BYTES <= message.length &&
    message.readUInt8(offset) === 0 &&
    message.readUInt16BE(offset + 1) === TYPE.OPT &&
    offset + OPT_BYTES + message.readUInt16BE(offset + 9) === message.length
  )
}

function decodeUncommonEdns(message: Buffer): Edns | undefined | 'malformed' {
  try {
    const { additionals = [] } = dnsPacket.decode(message)
    const opts = additionals.filter((record) => record.type === 'OPT')
    const [opt] = opts
    if (opt === undefined) return undefined
    // More than one is an error of form (RFC 6891 section 6.1.1).
    return opts.length > 1 || opt.name !== '.' ? 'malformed' : ednsOf(opt)
  } catch {
    // It throws plain errors of several kinds; all mean that the bytes are no DNS message.
    return 'malformed'
  }
}

function ednsOf(opt: { udpPayloadSize: number; ednsVersion: number; flags: number }): Edns {
  return {
    udpPayloadBytes: Math.max(opt.udpPayloadSize, MIN_UDP_PAYLOAD_BYTES),
    isDnssecOk: (opt.flags & DNSSEC_OK) !== 0,
    version: opt.ednsVersion,
  }
}
