/** What is left of answers that are too large: whole records only, from the first on. Pure. */
import type { CacheableMessage } from '../cache/verdict.ts'
import { FLAG } from './header.ts'

/** Before the length of a record's data, two bytes, and the data. */
const TTL_BYTES = 4

/** As many of `records` as fit into `maxBytes`, in their order. */
export function leadingRecords(records: readonly Buffer[], maxBytes: number): readonly Buffer[] {
  let bytes = 0
  let count = 0
  for (const { length } of records) {
    bytes += length
    if (bytes > maxBytes) break
    count++
  }
  return records.slice(0, count)
}

/**
 * A message of as many answers of `content` as fit, with TC and without the other sections. Pointers in names lead back
 * (RFC 1035 section 4.1.4), so those that are left stay right.
 *
 * @param questionEnd - where the first answer begins
 */
export function cutMessage(
  { message, ttlOffsets, ...others }: CacheableMessage,
  questionEnd: number,
  maxBytes: number,
): CacheableMessage {
  let end = questionEnd
  let count = 0
  for (const ttlOffset of ttlOffsets.slice(0, message.readUInt16BE(6))) {
    const next = ttlOffset + TTL_BYTES + 2 + message.readUInt16BE(ttlOffset + TTL_BYTES)
    if (next > maxBytes) break
    end = next
    count++
  }
  const cut = Buffer.from(message.subarray(0, end))
  cut.writeUInt16BE(message.readUInt16BE(2) | FLAG.TC, 2)
  cut.writeUInt16BE(count, 6)
  cut.writeUInt32BE(0, 8)
  return { ...others, message: cut, ttlOffsets: ttlOffsets.slice(0, count) }
}
