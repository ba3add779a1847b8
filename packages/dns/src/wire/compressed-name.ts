/** Names as messages have them: a pointer may stand for what they end in (RFC 1035 section 4.1.4). */

/** A byte from here on begins a pointer of two bytes, the lower 14 bits an offset. */
export const POINTER = 0xc0
export const POINTER_OFFSET = 0x3fff

/**
 * The labels of the name at `start`, each with its length before it. Views of the message, of which `recordsOf` has found
 * the records sound.
 */
export function labelsAt(message: Buffer, start: number): readonly Buffer[] {
  const labels: Buffer[] = []
  let offset = start
  for (let length = message.readUInt8(offset); length !== 0; length = message.readUInt8(offset)) {
    if (length >= POINTER) {
      offset = message.readUInt16BE(offset) & POINTER_OFFSET
      continue
    }
    labels.push(message.subarray(offset, offset + 1 + length))
    offset += 1 + length
  }
  return labels
}

/** Where the name at `start` ends: behind its root label or its first pointer. Of a sound record, too. */
export function endOfName(message: Buffer, start: number): number {
  let offset = start
  for (let length = message.readUInt8(offset); length !== 0; length = message.readUInt8(offset)) {
    if (length >= POINTER) return offset + 2
    offset += 1 + length
  }
  return offset + 1
}
