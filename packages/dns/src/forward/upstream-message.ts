import type { Query } from '../message.ts'
import { lowerCaseAscii } from '../wire/ascii-case.ts'
import { RCODE, TYPE } from '../wire/codes.ts'
import { DNSSEC_OK, FLAG, HEADER_BYTES, OPT_BYTES, QUESTION_TAIL_BYTES } from '../wire/header.ts'

/** Offered to upstreams: answers that fit no path unfragmented come over TCP instead (DNS flag day 2020). */
const UPSTREAM_UDP_PAYLOAD_BYTES = 1_232

/** The client's wishes in the header: AD in a query asks whether the answer is authentic (RFC 6840 section 5.7). */
const WISHES = FLAG.RD | FLAG.AD | FLAG.CD

/**
 * The query as it goes to an upstream: the client's question and wishes (`WISHES`, DO) under an id of our own. The
 * client's EDNS options end here: they are between neighbours (RFC 6891 section 6.1.1). A client without EDNS is
 * forwarded without, so that the answer has none either.
 */
export function encodeUpstreamQuery({ flags, question, edns }: Query, id: number): Buffer {
  const end = HEADER_BYTES + question.length
  const message = Buffer.alloc(end + (edns === undefined ? 0 : OPT_BYTES))
  message.writeUInt16BE(id, 0)
  message.writeUInt16BE(flags & WISHES, 2)
  message.writeUInt16BE(1, 4)
  question.copy(message, HEADER_BYTES)
  if (edns === undefined) return message
  message.writeUInt16BE(1, 10)
  message.writeUInt16BE(TYPE.OPT, end + 1)
  message.writeUInt16BE(UPSTREAM_UDP_PAYLOAD_BYTES, end + 3)
  message.writeUInt16BE(edns.isDnssecOk ? DNSSEC_OK : 0, end + 7)
  return message
}

/** Equal for queries that `encodeUpstreamQuery` makes the same of, but for the id and the name's case. */
export function upstreamQueryKey({ flags, labels, type, edns }: Query): string {
  return JSON.stringify([flags & WISHES, type, edns?.isDnssecOk, ...labels])
}

/**
 * Whether `reply` answers the query `sent`: the same id, a response to a standard query, the same one question. Names
 * are compared without regard to case (RFC 1035 section 2.3.3): some upstreams change it.
 */
export function isReplyTo(sent: Buffer, question: Buffer, reply: Buffer): boolean {
  if (reply.length < HEADER_BYTES + question.length) return false
  const flags = reply.readUInt16BE(2)
  return (
    reply.readUInt16BE(0) === sent.readUInt16BE(0) &&
    (flags & (FLAG.QR | FLAG.OPCODE)) === FLAG.QR &&
    reply.readUInt16BE(4) === 1 &&
    isSameQuestion(question, reply.subarray(HEADER_BYTES, HEADER_BYTES + question.length))
  )
}

export function isTruncated(reply: Buffer): boolean {
  return (reply.readUInt16BE(2) & FLAG.TC) !== 0
}

/** Whether another upstream may do better: this one can't or won't answer, which says nothing about the name. */
export function isUnhelpful(reply: Buffer): boolean {
  const rcode = reply.readUInt16BE(2) & FLAG.RCODE
  return rcode === RCODE.SERVFAIL || rcode === RCODE.REFUSED || rcode === RCODE.NOTIMP
}

function isSameQuestion(question: Buffer, other: Buffer): boolean {
  const nameEnd = question.length - QUESTION_TAIL_BYTES
  return (
    // Label lengths are below the letters' bytes, so that lower case leaves them alone.
    question.compare(other, nameEnd, other.length, nameEnd) === 0 &&
    lowerCaseAscii(question.toString('latin1', 0, nameEnd)) ===
      lowerCaseAscii(other.toString('latin1', 0, nameEnd))
  )
}

/**
 * `question` with its name in another case: a letter for each bit of `bits`, in turn. Who forges a reply must know them,
 * too (draft-vixie-dnsext-dns0x20).
 *
 * @param bits - at least as many as the question has bytes
 */
export function withCase(question: Buffer, bits: Buffer): Buffer {
  const copy = Buffer.from(question)
  for (let offset = 0; offset < question.length - QUESTION_TAIL_BYTES; offset++) {
    const byte = copy.readUInt8(offset)
    const isSet = ((bits.readUInt8(offset >> 3) >> (offset & 7)) & 1) === 1
    // Label lengths are below the letters' bytes.
    if (isLetter(byte)) copy.writeUInt8(isSet ? byte | CASE_BIT : byte & ~CASE_BIT, offset)
  }
  return copy
}

/** Whether `reply`, as `isReplyTo` finds it, has the question in the very case of `question`. */
export function keepsCase(question: Buffer, reply: Buffer): boolean {
  return reply.compare(question, 0, question.length, HEADER_BYTES, HEADER_BYTES + question.length) === 0
}

/** What tells a lower-case letter of ASCII from its capital. */
const CASE_BIT = 0x20

function isLetter(byte: number): boolean {
  const lower = byte | CASE_BIT
  return lower >= 0x61 && lower <= 0x7a
}
