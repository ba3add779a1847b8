/**
 * The codec border: bytes of strangers become a Query or a clear refusal, and texts of ours become records. Nothing
 * here throws on what strangers send. The only user of `dns-packet`, which encodes records but reads no query: it loses
 * bytes that are not UTF-8 and the bounds between labels that contain dots, and follows long chains of pointers.
 */
import dnsPacket from 'dns-packet'
import { lowerCaseAscii } from './wire/ascii-case.ts'
import { CLASS_IN, RCODE, TYPE } from './wire/codes.ts'
import { encodedName } from './wire/encoded-name.ts'
import { DNSSEC_OK, FLAG, HEADER_BYTES, QUESTION_TAIL_BYTES } from './wire/header.ts'
import { uint8, uint16 } from './wire/uint.ts'

/** A name has at most 255 bytes with its root label, a label 63 (RFC 1035 section 2.3.4). */
const MAX_NAME_BYTES = 255
const MAX_LABEL_BYTES = 63

/** A byte from here on begins a pointer of two bytes (RFC 1035 section 4.1.4). */
const POINTER = 0xc0

/** An owner's name that is the question's, which always follows the header. */
const TO_QUESTION = Buffer.from([POINTER, HEADER_BYTES])

/** Type, class, TTL and length of the data, between a record's owner and its data. */
const RECORD_FIELDS_BYTES = 10

/** An offset that there is not. */
const MALFORMED = -1

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

/** Why a message is refused: it can't be read, or what its question asks for is never answered. Each is a rule of answers. */
export type RefusalRule = 'message' | 'class-not-served' | 'edns-version' | 'zone-transfer'

/** Outcome of reading a message: a query, a refusal to send back, or nothing to be said. */
export type Decoded =
  | { readonly kind: 'query'; readonly query: Query }
  /** `query` is there when its question could be read. */
  | {
      readonly kind: 'refused'
      readonly rcode: number
      readonly rule: RefusalRule
      readonly query: Query | undefined
    }
  | { readonly kind: 'dropped'; readonly reason: 'too-short' | 'not-a-query' }

/** Reads a message from a client. Time and memory are bounded by its length. */
export function decodeQuery(message: Buffer): Decoded {
  if (message.length < HEADER_BYTES) return { kind: 'dropped', reason: 'too-short' }
  const flags = uint16(message, 2)
  // Answering an answer would let two servers talk for ever.
  if ((flags & FLAG.QR) !== 0) return { kind: 'dropped', reason: 'not-a-query' }
  if ((flags & FLAG.OPCODE) !== 0) return refused(RCODE.NOTIMP)
  if (message.length > MAX_QUERY_BYTES || !hasQueryCounts(message)) return refused(RCODE.FORMERR)

  const nameEnd = endOfQuestionName(message)
  const questionEnd = nameEnd + QUESTION_TAIL_BYTES
  if (nameEnd === MALFORMED || questionEnd > message.length) return refused(RCODE.FORMERR)
  const edns = decodeEdns(message, questionEnd)
  if (edns === 'malformed') return refused(RCODE.FORMERR)

  const query: Query = {
    id: uint16(message, 0),
    flags,
    labels: labelsOf(message, nameEnd),
    type: uint16(message, nameEnd),
    question: message.subarray(HEADER_BYTES, questionEnd),
    edns,
  }
  return refusalOf(query) ?? { kind: 'query', query }
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
    | { readonly type: 'A' | 'AAAA' | 'CNAME' | 'PTR'; readonly data: string }
    | {
        readonly type: 'SRV'
        readonly data: { target: string; port: number; priority: number; weight: number }
      }
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
  // The root name's one byte makes way.
  return Buffer.concat([TO_QUESTION, encoded.subarray(1)])
}

/**
 * The same record for an answer to another question: one that belongs to the question's name gets `owner` instead.
 *
 * @param owner - its labels, as in `Query`
 */
export function withOwner(record: Buffer, owner: readonly string[]): Buffer {
  if (record.readUInt16BE(0) !== TO_QUESTION.readUInt16BE(0)) return record
  return Buffer.concat([encodedName(owner), record.subarray(TO_QUESTION.length)])
}

/** True for ASCII text that fits a message as a name: without a trailing dot, and not the root. */
export function isEncodableName(name: string): boolean {
  return name.length <= MAX_NAME_BYTES - 2 && name.split('.').every(isEncodableLabel)
}

/** True for ASCII text that is one label of a name. */
export function isEncodableLabel(label: string): boolean {
  return label.length <= MAX_LABEL_BYTES && /^[!-\-/-~]+$/.test(label)
}

function refused(rcode: number): Decoded {
  return { kind: 'refused', rcode, rule: 'message', query: undefined }
}

/** Why a well-formed query is not answered; `undefined` for those that are. */
function refusalOf(query: Query): Decoded | undefined {
  const { question, type, edns } = query
  const kind = 'refused'
  if (edns !== undefined && edns.version !== 0)
    return { kind, rcode: RCODE.BADVERS, rule: 'edns-version', query }
  if (uint16(question, question.length - 2) !== CLASS_IN)
    return { kind, rcode: RCODE.REFUSED, rule: 'class-not-served', query }
  // Zone transfers would be more than one message, and tell more than a client needs to know.
  if (type === TYPE.AXFR || type === TYPE.IXFR)
    return { kind, rcode: RCODE.REFUSED, rule: 'zone-transfer', query }
  return undefined
}

/** One question, and no more records than a query can have reason for (as miekg/dns' DefaultMsgAcceptFunc). */
function hasQueryCounts(message: Buffer): boolean {
  return (
    uint16(message, 4) === 1 && uint16(message, 6) <= 1 && uint16(message, 8) <= 1 && uint16(message, 10) <= 2
  )
}

/** Where the labels at `start` end: at the root label, a pointer or a byte of unknown meaning. */
function endOfLabels(message: Buffer, start: number): number {
  let offset = start
  while (offset < message.length && offset - start < MAX_NAME_BYTES) {
    const length = uint8(message, offset)
    if (length === 0 || length > MAX_LABEL_BYTES) return offset
    offset += length + 1
  }
  return MALFORMED
}

/** Where the question's type begins. Its name has no pointer: there is nothing before it to point to. */
function endOfQuestionName(message: Buffer): number {
  const end = endOfLabels(message, HEADER_BYTES)
  return end !== MALFORMED && uint8(message, end) === 0 ? end + 1 : MALFORMED
}

/** Where the type of a record begins. A pointer ends its owner's name and is not followed. */
function endOfOwner(message: Buffer, start: number): number {
  const end = endOfLabels(message, start)
  if (end === MALFORMED) return MALFORMED
  const last = uint8(message, end)
  if (last === 0) return end + 1
  return last >= POINTER ? end + 2 : MALFORMED
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

/** Finds the OPT record among those after the question; all others are skipped unread, their names not followed. */
function decodeEdns(message: Buffer, questionEnd: number): Edns | undefined | 'malformed' {
  const others = uint16(message, 6) + uint16(message, 8)
  const records = others + uint16(message, 10)
  let offset = questionEnd
  let edns: Edns | undefined
  for (let index = 0; index < records; index++) {
    const fields = endOfOwner(message, offset)
    const end = endOfRecord(message, fields)
    if (end === MALFORMED) return 'malformed'
    if (index >= others && uint16(message, fields) === TYPE.OPT) {
      // One at most, and owned by the root, whose name has one byte (RFC 6891 section 6.1.1).
      if (edns !== undefined || fields !== offset + 1) return 'malformed'
      edns = ednsAt(message, fields)
    }
    offset = end
  }
  return edns
}

/** @param fields - where the type is, after the owner's name */
function endOfRecord(message: Buffer, fields: number): number {
  if (fields === MALFORMED || fields + RECORD_FIELDS_BYTES > message.length) return MALFORMED
  const end = fields + RECORD_FIELDS_BYTES + uint16(message, fields + 8)
  return end > message.length ? MALFORMED : end
}

function ednsAt(message: Buffer, fields: number): Edns {
  return {
    udpPayloadBytes: Math.max(uint16(message, fields + 2), MIN_UDP_PAYLOAD_BYTES),
    isDnssecOk: (uint16(message, fields + 6) & DNSSEC_OK) !== 0,
    version: uint8(message, fields + 5),
  }
}
