/**
 * Finds the records of an upstream's message: where they are, how long they hold, and whether they are what they say.
 * Nothing here throws on what strangers send; time and memory are bounded by the message's length.
 */

import { TYPE } from '../wire/codes.ts'
import { POINTER, POINTER_OFFSET } from '../wire/compressed-name.ts'
import { HEADER_BYTES } from '../wire/header.ts'

/** A name has at most 255 bytes with its root label, a label 63 (RFC 1035 section 2.3.4). */
const MAX_NAME_BYTES = 255
const MAX_LABEL_BYTES = 63

/** A name of 255 bytes has 127 labels; more pointers than that serve no purpose. */
const MAX_POINTERS = 127

/** Type, class, TTL and length of the data, between a record's owner and its data. */
const FIELDS_BYTES = 10

/** An offset that there is not. */
const MALFORMED = -1

export type Section = 'answer' | 'authority' | 'additional'

/** A record by its offsets in the message. */
export interface MessageRecord {
  readonly section: Section
  /** Where its owner's name begins. */
  readonly start: number
  readonly type: number
  readonly class: number
  readonly ttlOffset: number
  readonly dataStart: number
  readonly end: number
}

/** What the data of a type consists of: bytes, then names, then bytes. */
export interface DataShape {
  readonly before: number
  readonly names: number
  readonly after: number
}

/** Types whose data can be wrong: names are written out or end in a pointer (RFC 1035 section 3.3, RFC 2782, RFC 3596). */
export const SHAPES: ReadonlyMap<number, DataShape> = new Map([
  [TYPE.A, { before: 4, names: 0, after: 0 }],
  [TYPE.AAAA, { before: 16, names: 0, after: 0 }],
  [TYPE.NS, { before: 0, names: 1, after: 0 }],
  [TYPE.CNAME, { before: 0, names: 1, after: 0 }],
  [TYPE.PTR, { before: 0, names: 1, after: 0 }],
  [TYPE.MX, { before: 2, names: 1, after: 0 }],
  [TYPE.SRV, { before: 6, names: 1, after: 0 }],
  [TYPE.SOA, { before: 0, names: 2, after: 20 }],
])

/**
 * All records after the question, in their order.
 *
 * @param questionEnd - where the first record begins
 * @returns `undefined` when a record is malformed, or the message does not end where its last record does
 */
export function recordsOf(message: Buffer, questionEnd: number): readonly MessageRecord[] | undefined {
  const records: MessageRecord[] = []
  let offset = questionEnd
  for (const [section, count] of sectionsOf(message)) {
    for (let index = 0; index < count; index++) {
      const record = recordAt(message, offset, section)
      if (record === undefined) return undefined
      records.push(record)
      offset = record.end
    }
  }
  return offset === message.length ? records : undefined
}

function sectionsOf(message: Buffer): readonly (readonly [Section, number])[] {
  return [
    ['answer', message.readUInt16BE(6)],
    ['authority', message.readUInt16BE(8)],
    ['additional', message.readUInt16BE(10)],
  ]
}

function recordAt(message: Buffer, start: number, section: Section): MessageRecord | undefined {
  const fields = endOfName(message, start)
  const dataStart = fields + FIELDS_BYTES
  if (fields === MALFORMED || dataStart > message.length) return undefined
  const end = dataStart + message.readUInt16BE(fields + 8)
  if (end > message.length) return undefined
  const type = message.readUInt16BE(fields)
  const shape = SHAPES.get(type)
  if (shape !== undefined && endOfShape(message, dataStart, shape) !== end) return undefined
  return {
    section,
    start,
    type,
    class: message.readUInt16BE(fields + 2),
    ttlOffset: fields + 4,
    dataStart,
    end,
  }
}

function endOfShape(message: Buffer, start: number, { before, names, after }: DataShape): number {
  let offset = start + before
  for (let name = 0; name < names; name++) {
    offset = endOfName(message, offset)
    if (offset === MALFORMED) return MALFORMED
  }
  return offset + after
}

/** Where the name at `start` ends: behind its root label or first pointer. All pointers must lead back, to a whole name. */
function endOfName(message: Buffer, start: number): number {
  const last = lastOfLabels(message, start)
  if (last === MALFORMED) return MALFORMED
  if (message.readUInt8(last) === 0) return last + 1
  return isEndOfWholeName(message, start, last) ? last + 2 : MALFORMED
}

/** Whether the pointer at `pointer`, after the labels at `start`, leads through ever earlier bytes to a root label. */
function isEndOfWholeName(message: Buffer, start: number, pointer: number): boolean {
  let from = start
  let last = pointer
  let bytes = pointer - start
  for (let pointers = 0; pointers < MAX_POINTERS; pointers++) {
    const target = targetAt(message, last)
    if (target < HEADER_BYTES || target >= from) return false
    from = target
    last = lastOfLabels(message, from)
    bytes += last - from
    if (last === MALFORMED || bytes >= MAX_NAME_BYTES) return false
    if (message.readUInt8(last) === 0) return true
  }
  return false
}

/** Where the root label or the pointer is that ends the labels at `start`. */
function lastOfLabels(message: Buffer, start: number): number {
  for (let offset = start; offset < message.length && offset - start < MAX_NAME_BYTES; ) {
    const length = message.readUInt8(offset)
    if (length === 0 || length >= POINTER) return offset
    if (length > MAX_LABEL_BYTES) return MALFORMED
    offset += length + 1
  }
  return MALFORMED
}

/** Where the pointer at `offset` leads. */
function targetAt(message: Buffer, offset: number): number {
  return offset + 2 > message.length ? MALFORMED : message.readUInt16BE(offset) & POINTER_OFFSET
}
