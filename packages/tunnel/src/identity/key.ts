import {
  generateKeyPair,
  generateKeyPairFromSeed,
  privateKeyFromProtobuf,
  privateKeyToProtobuf,
} from '@libp2p/crypto/keys'
import type { PrivateKey } from '@libp2p/interface'
import { KeyFileError } from '../errors.ts'
import type { StoredValue } from '../state/stored-value.ts'

/** Of an Ed25519 key, in front of its public half. */
const SEED_BYTES = 32

/**
 * The Ed25519 key of this process, made at its first start.
 *
 * @param stored - libp2p's protobuf form of the private key
 * @throws {KeyFileError} when it can't be read as such a key, or when other users may read it
 */
export async function loadOrCreateKey(stored: StoredValue): Promise<PrivateKey> {
  const bytes = await stored.read()
  if (bytes === undefined) return createKey(stored)

  const exposure = await stored.exposure()
  if (exposure !== undefined) throw new KeyFileError(`the key in ${stored.place} ${exposure}`)
  return await decodeKey(stored, bytes)
}

async function createKey(stored: StoredValue): Promise<PrivateKey> {
  const key = await generateKeyPair('Ed25519')
  await stored.write(privateKeyToProtobuf(key))
  return key
}

async function decodeKey({ place }: StoredValue, bytes: Uint8Array): Promise<PrivateKey> {
  const advice =
    'restore it from a backup, or delete it to get a new identity (the node must then join again)'
  const key = parseKey(bytes)
  if (key === undefined) throw new KeyFileError(`the key in ${place} is broken: ${advice}`)
  if (key.type !== 'Ed25519') throw new KeyFileError(`what is in ${place} is no Ed25519 key: ${advice}`)
  // libp2p takes both halves as they are. If they don't belong together, nobody would believe this process who it is.
  const derived = await generateKeyPairFromSeed('Ed25519', key.raw.subarray(0, SEED_BYTES))
  if (!derived.equals(key)) throw new KeyFileError(`the key in ${place} is broken: ${advice}`)
  return key
}

function parseKey(bytes: Uint8Array): PrivateKey | undefined {
  try {
    return privateKeyFromProtobuf(bytes)
  } catch {
    // The parser says "no" by throwing; its words about protobuf help nobody.
    return undefined
  }
}
