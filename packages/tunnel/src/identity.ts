import { generateKeyPair, privateKeyFromProtobuf, privateKeyToProtobuf } from '@libp2p/crypto/keys'
import type { PrivateKey } from '@libp2p/interface'
import { KeyFileError } from './errors.ts'
import { isReadableByOthers, readPrivateFile, writePrivateFile } from './private-file.ts'

/**
 * The Ed25519 key of this process, made at its first start. It never leaves the machine.
 *
 * @param keyFile - libp2p's protobuf form of the private key, mode 0600
 * @throws {KeyFileError} when the file can't be read as such a key, or when other users may read it
 */
export async function loadOrCreateKey(keyFile: string): Promise<PrivateKey> {
  const bytes = await readPrivateFile(keyFile)
  if (bytes === undefined) return createKey(keyFile)

  if (await isReadableByOthers(keyFile)) {
    throw new KeyFileError(`key file ${keyFile} can be read by other users: run chmod 600 on it`)
  }
  return decodeKey(keyFile, bytes)
}

async function createKey(keyFile: string): Promise<PrivateKey> {
  const key = await generateKeyPair('Ed25519')
  await writePrivateFile(keyFile, privateKeyToProtobuf(key))
  return key
}

function decodeKey(keyFile: string, bytes: Uint8Array): PrivateKey {
  const advice =
    'restore it from a backup, or delete it to get a new identity (the node must then join again)'
  try {
    const key = privateKeyFromProtobuf(bytes)
    if (key.type === 'Ed25519') return key
  } catch (error) {
    throw new KeyFileError(`key file ${keyFile} is broken: ${advice}`, { cause: error })
  }
  throw new KeyFileError(`key file ${keyFile} does not hold an Ed25519 key: ${advice}`)
}
