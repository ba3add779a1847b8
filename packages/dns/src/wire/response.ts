/**
 * Frames responses: header, the question as it came, records. HOT PATH: nothing is decoded or encoded here, bytes that
 * exist already are copied into one buffer.
 */

import type { Query } from '../message.ts'
import { RCODE, TYPE } from './codes.ts'
import { DNSSEC_OK, FLAG, HEADER_BYTES, OPT_BYTES } from './header.ts'
import { cutMessage, leadingRecords } from './truncation.ts'
import { putUint16 } from './uint.ts'

/** Offered in our OPT record: what a datagram to us may hold so that no path fragments it (DNS flag day 2020). */
const OUR_UDP_PAYLOAD_BYTES = 1_232

const NO_RECORDS: readonly Buffer[] = []

/** What an answer says: records of our own, or the whole message of an upstream. */
export type Content =
  | {
      readonly kind: 'records'
      readonly rcode: number
      readonly authoritative: boolean
      /** Encoded by `encodeRecord`. */
      readonly answers: readonly Buffer[]
      readonly authority: readonly Buffer[]
      /** What the client would ask for next; left out where it does not fit. */
      readonly additional?: readonly Buffer[]
      /** How many of the last answers change places from response to response, so that clients spread over them. */
      readonly rotating?: number
    }
  /** A reply to this very question, as `isReplyTo` finds it; it is never changed. */
  | { readonly kind: 'message'; readonly message: Buffer; readonly upstream?: string | undefined }
  /** An upstream's message as the cache keeps it: without OPT record, id and flags of a client; it is never changed. */
  | {
      readonly kind: 'cached'
      readonly message: Buffer
      /** Of each record in turn. */
      readonly ttlOffsets: readonly number[]
      /** The one that said so, `ip:port`. */
      readonly upstream?: string | undefined
      /**
       * How much of the TTLs is over, at most all of it; with `staleTtlSeconds` they are over, and this is the TTL of all
       * records.
       */
      readonly ttl: { readonly ageSeconds: number; readonly staleTtlSeconds?: number }
    }

type RecordsContent = Extract<Content, { kind: 'records' }>
type CachedContent = Extract<Content, { kind: 'cached' }>

/** The response code of `content`; of an upstream's, the lower four bits that the header holds. */
export function rcodeOf(content: Content): number {
  return content.kind === 'records' ? content.rcode : content.message.readUInt16BE(2) & FLAG.RCODE
}

/**
 * The response to `query`. What exceeds `maxBytes` is cut to as many whole answers as fit and has the TC flag, so that the
 * client asks again over TCP (RFC 2181 section 9); those that never do still get something to go on with.
 */
export function encodeResponse(query: Query, content: Content, maxBytes: number): Buffer {
  if (content.kind === 'message') return encodeRelayed(query, content.message, maxBytes)
  if (content.kind === 'cached') return encodeCached(query, content, maxBytes)
  const { rcode, authority } = content
  const answers = rotatedAnswers(content, query.id)
  const flags = content.authoritative ? FLAG.AA : 0
  const required = bareBytes(query) + bytesOf(answers) + bytesOf(authority)
  if (required > maxBytes) return encodeCut(query, { ...content, answers }, maxBytes)

  // All or none: a part of a set of records would pass for the whole (RFC 2181 section 5.1).
  const additional = fitting(content.additional ?? NO_RECORDS, maxBytes - required)
  const response = Buffer.allocUnsafe(required + bytesOf(additional))
  writeStart(response, query, flags | (rcode & FLAG.RCODE))
  putUint16(response, answers.length, 6)
  putUint16(response, authority.length, 8)
  putUint16(response, additional.length + (query.edns === undefined ? 0 : 1), 10)
  let offset = writeAll(response, answers, HEADER_BYTES + query.question.length)
  offset = writeAll(response, authority, offset)
  writeOpt(response, query, { offset: writeAll(response, additional, offset), rcode })
  return response
}

/** A response that says nothing but to come over TCP. */
export function encodeTruncated(query: Query): Buffer {
  return encodeBare(query, FLAG.TC, RCODE.NOERROR)
}

/**
 * `response`, which ends with an OPT record of ours, with an option in it; without the option where it does not fit (RFC
 * 8914 section 3: no answer is truncated for the sake of its explanation).
 *
 * @param option - code, length and data
 */
export function withOption(response: Buffer, option: Buffer, maxBytes: number): Buffer {
  if (response.length + option.length > maxBytes) return response
  const longer = Buffer.concat([response, option])
  longer.writeUInt16BE(option.length, response.length - 2)
  return longer
}

/**
 * The response to a message whose question can't be read: only a header (RFC 1035 section 4.1.1).
 *
 * @param message - at least a header
 */
export function encodeRefusal(message: Buffer, rcode: number): Buffer {
  const response = Buffer.alloc(HEADER_BYTES)
  message.copy(response, 0, 0, 4)
  const kept = message.readUInt16BE(2) & (FLAG.OPCODE | FLAG.RD)
  response.writeUInt16BE(FLAG.QR | FLAG.RA | kept | rcode, 2)
  return response
}

/** An upstream's message under the client's id and with its question, whose case the upstream may have changed. */
function encodeRelayed(query: Query, message: Buffer, maxBytes: number): Buffer {
  if (message.length > maxBytes) {
    const flags = message.readUInt16BE(2)
    return encodeBare(query, (flags & FLAG.AA) | FLAG.TC, flags & FLAG.RCODE)
  }
  const response = Buffer.from(message)
  response.writeUInt16BE(query.id, 0)
  response.writeUInt16BE(message.readUInt16BE(2) & ~unwantedFlags(query), 2)
  query.question.copy(response, HEADER_BYTES)
  return response
}

/** As `encodeRelayed`, with TTLs of now and an OPT record of ours. */
function encodeCached(query: Query, content: CachedContent, maxBytes: number): Buffer {
  const optBytes = query.edns === undefined ? 0 : OPT_BYTES
  if (content.message.length + optBytes > maxBytes)
    return encodeCached(query, cutCached(query, content, maxBytes - optBytes), maxBytes)

  const { message, ttlOffsets, ttl } = content
  const flags = message.readUInt16BE(2)
  const response = Buffer.allocUnsafe(message.length + optBytes)
  message.copy(response)
  response.writeUInt16BE(query.id, 0)
  // Of records that have expired the signatures may have, too.
  const lost = ttl.staleTtlSeconds === undefined ? unwantedFlags(query) : FLAG.AD
  response.writeUInt16BE((flags & ~lost) | (query.flags & (FLAG.RD | FLAG.CD)), 2)
  query.question.copy(response, HEADER_BYTES)
  for (const offset of ttlOffsets) {
    const seconds = ttl.staleTtlSeconds ?? message.readUInt32BE(offset) - ttl.ageSeconds
    response.writeUInt32BE(seconds, offset)
  }
  if (query.edns !== undefined) response.writeUInt16BE(message.readUInt16BE(10) + 1, 10)
  writeOpt(response, query, { offset: message.length, rcode: 0 })
  return response
}

function cutCached({ question }: Query, content: CachedContent, maxBytes: number): CachedContent {
  return { ...content, ...cutMessage(content, HEADER_BYTES + question.length, maxBytes) }
}

/** AD goes to those who ask for it, by AD or DO (RFC 6840 section 5.8): upstreams may be asked for more than a client wants. */
function unwantedFlags({ flags, edns }: Query): number {
  return (flags & FLAG.AD) !== 0 || edns?.isDnssecOk === true ? 0 : FLAG.AD
}

function encodeCut(query: Query, content: RecordsContent, maxBytes: number): Buffer {
  const { rcode } = content
  const answers = leadingRecords(content.answers, maxBytes - bareBytes(query))
  const response = Buffer.allocUnsafe(bareBytes(query) + bytesOf(answers))
  writeStart(response, query, (content.authoritative ? FLAG.AA : 0) | FLAG.TC | (rcode & FLAG.RCODE))
  response.writeUInt16BE(answers.length, 6)
  const offset = writeAll(response, answers, HEADER_BYTES + query.question.length)
  writeOpt(response, query, { offset, rcode })
  return response
}

/** By the client's id, which is random: no state, and answers stay shared. */
function rotatedAnswers({ answers, rotating = 0 }: RecordsContent, id: number): readonly Buffer[] {
  const by = rotating > 1 ? id % rotating : 0
  if (by === 0) return answers
  const first = answers.length - rotating
  return [...answers.slice(0, first), ...answers.slice(first + by), ...answers.slice(first, first + by)]
}

function encodeBare(query: Query, flags: number, rcode: number): Buffer {
  const response = Buffer.allocUnsafe(bareBytes(query))
  writeStart(response, query, flags | (rcode & FLAG.RCODE))
  writeOpt(response, query, { offset: HEADER_BYTES + query.question.length, rcode })
  return response
}

function bareBytes({ question, edns }: Query): number {
  return HEADER_BYTES + question.length + (edns === undefined ? 0 : OPT_BYTES)
}

function writeStart(response: Buffer, query: Query, flags: number): void {
  putUint16(response, query.id, 0)
  putUint16(response, FLAG.QR | FLAG.RA | flags | (query.flags & (FLAG.RD | FLAG.CD)), 2)
  putUint16(response, 1, 4)
  putUint16(response, 0, 6)
  putUint16(response, 0, 8)
  putUint16(response, query.edns === undefined ? 0 : 1, 10)
  response.set(query.question, HEADER_BYTES)
}

/** Answers a client's OPT record with one of ours (RFC 6891 section 7), which also holds the upper bits of `rcode`. */
function writeOpt(
  response: Buffer,
  query: Query,
  { offset, rcode }: { offset: number; rcode: number },
): void {
  if (query.edns === undefined) return
  response[offset] = 0
  putUint16(response, TYPE.OPT, offset + 1)
  putUint16(response, OUR_UDP_PAYLOAD_BYTES, offset + 3)
  response[offset + 5] = rcode >> 4
  response[offset + 6] = 0
  putUint16(response, query.edns.isDnssecOk ? DNSSEC_OK : 0, offset + 7)
  putUint16(response, 0, offset + 9)
}

function fitting(records: readonly Buffer[], maxBytes: number): readonly Buffer[] {
  return bytesOf(records) <= maxBytes ? records : NO_RECORDS
}

function bytesOf(records: readonly Buffer[]): number {
  let bytes = 0
  for (const record of records) bytes += record.length
  return bytes
}

function writeAll(response: Buffer, records: readonly Buffer[], start: number): number {
  let offset = start
  for (const record of records) {
    response.set(record, offset)
    offset += record.length
  }
  return offset
}
