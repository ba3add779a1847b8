/** What a cache may keep of an upstream's message, and for how long. Pure. */

import type { Query } from '../message.ts'
import { CLASS_IN, RCODE, TYPE } from '../wire/codes.ts'
import { FLAG, HEADER_BYTES } from '../wire/header.ts'
import { type MessageRecord, recordsOf } from './records.ts'

/** Bounds of what upstreams say, in seconds; where they contradict each other the upper one holds. */
export interface TtlCaps {
  readonly cacheMinTtlSeconds: number
  readonly cacheMaxTtlSeconds: number
  readonly cacheMaxNegativeTtlSeconds: number
}

/** An upstream's message made fit to be kept. */
export interface CacheableMessage {
  /**
   * A copy of its own, without OPT record and what followed it: EDNS is between neighbours (RFC 6891 section 6.1.1). Not
   * authoritative; TTLs within their caps. Never changed.
   */
  readonly message: Buffer
  /** Where in `message` the records' TTLs are, of each record in turn. */
  readonly ttlOffsets: readonly number[]
  /** The one that said so, `ip:port`. */
  readonly upstream?: string | undefined
}

export type Verdict =
  | {
      readonly kind: 'cacheable'
      readonly content: CacheableMessage
      /** Above 0: until its first record expires. */
      readonly ttlSeconds: number
      readonly isNegative: boolean
    }
  /** The upstream says something, but not for later: what was kept of the name is superseded. */
  | { readonly kind: 'superseding' }
  /** Truncated, malformed, or without the SOA record that says how long a negative answer holds (RFC 2308 section 5). */
  | { readonly kind: 'uncacheable' }
  /** Says nothing about the name. */
  | { readonly kind: 'failure' }

const UNCACHEABLE: Verdict = { kind: 'uncacheable' }

/** Flags that hold for whoever asks; AD as far as they ask for it. */
const KEPT_FLAGS = FLAG.QR | FLAG.RA | FLAG.AD | FLAG.RCODE

/**
 * Judges a reply to `query`, as `isReplyTo` finds it. The message is kept whole under its question: its records answer
 * no other question, so that whoever forges them gains nothing beyond the one answer.
 *
 * @see RFC 2308 sections 2 and 5, RFC 2181 section 8
 */
export function verdictOf({ question, type }: Query, reply: Buffer, caps: TtlCaps): Verdict {
  const flags = reply.readUInt16BE(2)
  if (!isAboutName(flags & FLAG.RCODE)) return { kind: 'failure' }
  if ((flags & FLAG.TC) !== 0) return UNCACHEABLE
  const records = keptRecords(reply, HEADER_BYTES + question.length)
  if (records === undefined) return UNCACHEABLE

  const isNegative =
    (flags & FLAG.RCODE) === RCODE.NXDOMAIN || !records.some((record) => answers(record, type))
  const soa = records.find((record) => record.section === 'authority' && record.type === TYPE.SOA)
  if (isNegative && soa === undefined) return UNCACHEABLE
  const ttls = records.map((record) => {
    const ttl = reply.readUInt32BE(record.ttlOffset)
    const asNegative = isNegative && record === soa ? Math.min(ttl, reply.readUInt32BE(record.end - 4)) : ttl
    return capped(asNegative, isNegative ? caps.cacheMaxNegativeTtlSeconds : caps.cacheMaxTtlSeconds, caps)
  })
  const ttlSeconds = ttls.reduce((least, ttl) => Math.min(least, ttl), Number.POSITIVE_INFINITY)
  if (ttlSeconds === 0) return { kind: 'superseding' }
  const content = copyOf(reply, records, ttls)
  if (!standsAnyTtl(content, HEADER_BYTES + question.length)) return UNCACHEABLE
  return { kind: 'cacheable', content, ttlSeconds, isNegative }
}

/** Whether a response code tells something of the name, rather than of the upstream. */
export function isAboutName(rcode: number): boolean {
  return rcode === RCODE.NOERROR || rcode === RCODE.NXDOMAIN
}

/** Records that may be kept, those before the OPT record; `undefined` when the message is not one to keep. */
function keptRecords(reply: Buffer, questionEnd: number): readonly MessageRecord[] | undefined {
  const records = recordsOf(reply, questionEnd)
  if (records === undefined) return undefined
  const opts = records.filter(({ type }) => type === TYPE.OPT)
  const [opt] = opts
  if (opt !== undefined && (opts.length > 1 || !isPlainOpt(reply, opt))) return undefined
  const kept = opt === undefined ? records : records.slice(0, records.indexOf(opt))
  return kept.every((record) => record.class === CLASS_IN) ? kept : undefined
}

/** With the root as its owner, at its place, and no upper bits of a response code: those tell of failures. */
function isPlainOpt(reply: Buffer, { section, start, ttlOffset }: MessageRecord): boolean {
  return section === 'additional' && ttlOffset === start + 5 && reply.readUInt8(ttlOffset) === 0
}

function answers({ section, type }: MessageRecord, askedType: number): boolean {
  return section === 'answer' && (type === askedType || askedType === TYPE.ANY)
}

/** Names may point anywhere before them: one that leads through a TTL would be another, or none, once that counts down. */
function standsAnyTtl({ message, ttlOffsets }: CacheableMessage, questionEnd: number): boolean {
  const changed = Buffer.from(message)
  // As the start of a label these bytes are a pointer that leads nowhere.
  for (const offset of ttlOffsets) changed.writeUInt32BE(0xffff_ffff, offset)
  return recordsOf(changed, questionEnd) !== undefined
}

/** A TTL with its highest bit set is a long one (RFC 8767 section 4). */
function capped(ttl: number, max: number, { cacheMinTtlSeconds: min }: TtlCaps): number {
  return Math.min(Math.max(ttl, min), max)
}

function copyOf(reply: Buffer, records: readonly MessageRecord[], ttls: readonly number[]): CacheableMessage {
  // Its own memory: a slice of a pool would keep the whole pool, and of a larger message the whole message.
  const message = Buffer.allocUnsafeSlow(records.at(-1)?.end ?? reply.length)
  reply.copy(message, 0, 0, message.length)
  message.writeUInt16BE(0, 0)
  message.writeUInt16BE(reply.readUInt16BE(2) & KEPT_FLAGS, 2)
  message.writeUInt16BE(records.filter(({ section }) => section === 'additional').length, 10)
  for (const [index, { ttlOffset }] of records.entries()) message.writeUInt32BE(ttls[index] ?? 0, ttlOffset)
  return { message, ttlOffsets: records.map(({ ttlOffset }) => ttlOffset) }
}
