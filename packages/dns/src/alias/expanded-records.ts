/**
 * Takes records out of an upstream's message, to be used in another one: names are written out. Only messages whose
 * records `recordsOf` has found sound.
 */

import { type MessageRecord, SHAPES } from '../cache/records.ts'
import { lowerCaseAscii } from '../wire/ascii-case.ts'
import { endOfName, labelsAt } from '../wire/compressed-name.ts'

/** Length of the data, before the data itself. */
const LENGTH_BYTES = 2

/** Type, class and TTL, after the owner. */
const FIXED_BYTES = 8

/** The name at `offset`, without pointers. */
export function nameAt(message: Buffer, offset: number): Buffer {
  return Buffer.concat([...labelsAt(message, offset), Buffer.from([0])])
}

/** Equal for names that are the same, whatever their case. */
export function nameKey(name: Buffer): string {
  // Label lengths are below the letters' bytes.
  return lowerCaseAscii(name.toString('latin1'))
}

/** The labels of a name without pointers, in lower case. */
export function labelsOfName(name: Buffer): readonly string[] {
  const text = nameKey(name)
  const labels: string[] = []
  for (let offset = 0; offset < text.length - 1; ) {
    const next = offset + 1 + text.charCodeAt(offset)
    labels.push(text.slice(offset + 1, next))
    offset = next
  }
  return labels
}

/** The record with its names written out. */
export function expandedRecord(message: Buffer, record: MessageRecord, ttlSeconds: number): Buffer {
  const owner = nameAt(message, record.start)
  const data = expandedData(message, record)
  const fields = Buffer.alloc(FIXED_BYTES + LENGTH_BYTES)
  fields.writeUInt16BE(record.type, 0)
  fields.writeUInt16BE(record.class, 2)
  fields.writeUInt32BE(ttlSeconds, 4)
  fields.writeUInt16BE(data.length, FIXED_BYTES)
  return Buffer.concat([owner, fields, data])
}

/** Types that are not known have no compressed names (RFC 3597 section 4). */
function expandedData(message: Buffer, { type, dataStart, end }: MessageRecord): Buffer {
  const shape = SHAPES.get(type)
  if (shape === undefined) return message.subarray(dataStart, end)
  const parts = [message.subarray(dataStart, dataStart + shape.before)]
  let offset = dataStart + shape.before
  for (let index = 0; index < shape.names; index++) {
    parts.push(nameAt(message, offset))
    offset = endOfName(message, offset)
  }
  return Buffer.concat([...parts, message.subarray(offset, end)])
}
