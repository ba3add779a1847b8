import { createHash } from 'node:crypto'
import { crc32 } from 'node:zlib'
import { ProtocolError } from '../errors.ts'
import { MAX_MEMBERS } from './limits.ts'

/** Which version of which record somebody has, in 12 bytes. */
export interface RecordVersion {
  /** Of the node's PeerId, see `recordKey`. */
  readonly key: string
  /** See `versionOf`: tells whether two versions are the same, not which one is newer. */
  readonly version: number
}

const KEY_BYTES = 8
const ENTRY_BYTES = KEY_BYTES + 4

/** The first 8 bytes of the PeerId's SHA-256, in hex: 10,000 of them are all different but for one chance in 10^11. */
export function recordKey(peerId: string): string {
  return createHash('sha256')
    .update(peerId)
    .digest('hex')
    .slice(0, KEY_BYTES * 2)
}

/** A checksum of what makes a record newer than another one of the same node. */
export function versionOf({ epoch, seq }: { readonly epoch: number; readonly seq: number }): number {
  return crc32(`${epoch},${seq}`)
}

/** In base64. */
export function encodeHave(entries: readonly RecordVersion[]): string {
  const bytes = Buffer.allocUnsafe(entries.length * ENTRY_BYTES)
  for (const [index, { key, version }] of entries.entries()) {
    bytes.write(key, index * ENTRY_BYTES, 'hex')
    bytes.writeUInt32BE(version, index * ENTRY_BYTES + KEY_BYTES)
  }
  return bytes.toString('base64')
}

/** @throws {ProtocolError} when the bytes are no whole entries, or too many */
export function decodeHave(bytes: Buffer): RecordVersion[] {
  return piecesOf(bytes, ENTRY_BYTES).map((entry) => ({
    key: entry.toString('hex', 0, KEY_BYTES),
    version: entry.readUInt32BE(KEY_BYTES),
  }))
}

/** In base64. */
export function encodeKeys(keys: readonly string[]): string {
  return Buffer.from(keys.join(''), 'hex').toString('base64')
}

/** @throws {ProtocolError} when the bytes are no whole keys, or too many */
export function decodeKeys(bytes: Buffer): string[] {
  return piecesOf(bytes, KEY_BYTES).map((key) => key.toString('hex'))
}

function piecesOf(bytes: Buffer, size: number): Buffer[] {
  const count = bytes.length / size
  if (!Number.isInteger(count) || count > MAX_MEMBERS) {
    throw new ProtocolError(`${bytes.length} bytes are not 0 to ${MAX_MEMBERS} pieces of ${size} bytes`)
  }
  return Array.from({ length: count }, (_, index) => bytes.subarray(index * size, (index + 1) * size))
}
