import { generateKeyPair, privateKeyFromProtobuf, privateKeyToProtobuf } from '@libp2p/crypto/keys'
import type { PrivateKey } from '@libp2p/interface'
import { KeyFileError } from './errors.ts'
import type { StoredValue } from './stored-value.ts'

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
  return decodeKey(stored, bytes)
}

async function createKey(stored: StoredValue): Promise<PrivateKey> {
  const key = await generateKeyPair('Ed25519')
  await stored.write(privateKeyToProtobuf(key))
  return key
}

function decodeKey({ place }: StoredValue, bytes: Uint8Array): PrivateKey {
  const advice =
    'restore it from a backup, or delete it to get a new identity (the node must then join again)'
  try {
    const key = privateKeyFromProtobuf(bytes)
    if (key.type === 'Ed25519') return key
  } catch (error) {
    throw new KeyFileError(`the key in ${place} is broken: ${advice}`, { cause: error })
  }
  throw new KeyFileError(`what is in ${place} is no Ed25519 key: ${advice}`)
}
