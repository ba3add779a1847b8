import { createCipheriv, createHash } from 'node:crypto'

/**
 * So many bytes, the same each time for one seed and without repetition: a cipher's key stream. A lost, repeated or moved
 * piece changes their checksum.
 */
export function streamBytes(byteCount: number, seed: number): Buffer {
  const key = createHash('sha256').update(String(seed)).digest()
  return createCipheriv('aes-256-ctr', key, Buffer.alloc(16)).update(Buffer.alloc(byteCount))
}

/** Hexadecimal. */
export function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}
