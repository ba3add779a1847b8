import { createHash } from 'node:crypto'

const CHUNK_BYTES = 65_536
const WORD_BYTES = 4

/**
 * `byteCount` bytes that are the same each time and differ at each position, so that a lost, repeated or moved piece
 * changes their checksum: 32-bit little-endian words, each a hash of its position (murmur3's finalizer).
 */
export function* patternChunks(byteCount: number): Generator<Buffer> {
  for (let offset = 0; offset < byteCount; offset += CHUNK_BYTES) {
    const words = new Uint32Array(CHUNK_BYTES / WORD_BYTES)
    const first = offset / WORD_BYTES
    for (let i = 0; i < words.length; i++) words[i] = hash32(first + i)
    yield Buffer.from(words.buffer, 0, Math.min(CHUNK_BYTES, byteCount - offset))
  }
}

/** Hexadecimal SHA-256 of what `patternChunks(byteCount)` gives. */
export function patternSha256(byteCount: number): string {
  const hash = createHash('sha256')
  for (const chunk of patternChunks(byteCount)) hash.update(chunk)
  return hash.digest('hex')
}

function hash32(position: number): number {
  let hash = position
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}
