import {
  createHash,
  createPrivateKey,
  createPublicKey,
  sign as edSign,
  verify as edVerify,
  generateKeyPairSync,
  type KeyObject,
} from 'node:crypto'
import type { PrivateKey } from '@libp2p/interface'
import { ProtocolError } from '../errors.ts'
import { type JsonObject, parseJsonObject } from '../protocol/json.ts'

/**
 * A JSON object with an Ed25519 signature, as one line of text:
 *
 * ```
 *   base64url(JSON in UTF-8) "." base64url(signature, 64 bytes)
 *   signed:  "edgeway " kind 0x00 JSON
 * ```
 *
 * The kind is signed, but not written: who reads a document says which kind it has to be, so that one of another kind
 * never passes for it.
 *
 * @see RFC 8032
 */
export type DocumentKind = 'membership' | 'trust' | 'token' | 'root' | 'record'

/** What signs documents: the cluster's key, or a node's. */
export interface Signer {
  /** Raw, 32 bytes. */
  readonly publicKey: Uint8Array
  /** @returns 64 bytes */
  sign(bytes: Uint8Array): Uint8Array
}

/** A document as it was read. Nothing of it may be believed before `isSignedBy` has said yes. */
export interface ReadDocument {
  readonly payload: JsonObject
  isSignedBy(publicKey: Uint8Array): boolean
}

/** Of a raw Ed25519 key. */
export const PUBLIC_KEY_BYTES = 32
const SIGNATURE_BYTES = 64
const FORM = /^([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]{86})$/

export function signDocument(kind: DocumentKind, payload: object, signer: Signer): string {
  const bytes = Buffer.from(JSON.stringify(payload))
  const signature = Buffer.from(signer.sign(signedBytes(kind, bytes)))
  return `${bytes.toString('base64url')}.${signature.toString('base64url')}`
}

/** @throws {ProtocolError} when the text is no document; whether its signature holds is not looked at */
export function readDocument(kind: DocumentKind, text: string): ReadDocument {
  const [, body = '', signatureText = ''] = FORM.exec(text) ?? []
  const signature = Buffer.from(signatureText, 'base64url')
  if (body === '' || signature.length !== SIGNATURE_BYTES)
    throw new ProtocolError(`no signed ${kind}: expected <base64url of JSON>.<base64url of 64 bytes>`)
  const bytes = Buffer.from(body, 'base64url')
  return {
    payload: parseJsonObject(bytes),
    isSignedBy: (publicKey) => edVerify(null, signedBytes(kind, bytes), publicKeyOf(publicKey), signature),
  }
}

/** @throws {TypeError} when the key is no Ed25519 key */
export function signerOf(key: PrivateKey): Signer {
  if (key.type !== 'Ed25519') throw new TypeError(`a key of type ${key.type} does not sign documents`)
  return signerOfSeed(key.raw.subarray(0, PUBLIC_KEY_BYTES))
}

/** @param seed - 32 bytes, from which both halves of the key are derived */
export function signerOfSeed(seed: Uint8Array): Signer {
  const privateKey = createPrivateKey({
    key: Buffer.concat([PKCS8_PREFIX, seed]),
    format: 'der',
    type: 'pkcs8',
  })
  return {
    publicKey: rawPublicKey(createPublicKey(privateKey)),
    sign: (bytes) => edSign(null, bytes, privateKey),
  }
}

/** 32 random bytes for `signerOfSeed`. */
export function createSeed(): Buffer {
  const { privateKey } = generateKeyPairSync('ed25519')
  return privateKey.export({ format: 'der', type: 'pkcs8' }).subarray(PKCS8_PREFIX.length)
}

/** Names a public key: the first 16 hexadecimal digits of its SHA-256. */
export function keyIdOf(publicKey: Uint8Array): string {
  return createHash('sha256').update(publicKey).digest('hex').slice(0, 16)
}

/** What stands before the 32 bytes of an Ed25519 key in DER. @see RFC 8410 */
const PKCS8_PREFIX = Buffer.from('302e020100300506032b657004220420', 'hex')
const SPKI_PREFIX = Buffer.from('302a300506032b6570032100', 'hex')

function publicKeyOf(raw: Uint8Array): KeyObject {
  return createPublicKey({ key: Buffer.concat([SPKI_PREFIX, raw]), format: 'der', type: 'spki' })
}

function rawPublicKey(key: KeyObject): Buffer {
  return key.export({ format: 'der', type: 'spki' }).subarray(SPKI_PREFIX.length)
}

function signedBytes(kind: DocumentKind, payload: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from(`edgeway ${kind}\0`), payload])
}
