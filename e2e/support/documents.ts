import { createPrivateKey, sign } from 'node:crypto'

type Fields = Readonly<Record<string, unknown>>

/** What stands before the 32 bytes of an Ed25519 key in DER. @see RFC 8410 */
const PKCS8_PREFIX = Buffer.from('302e020100300506032b657004220420', 'hex')

/** What a signed document says, whether or not its signature holds. */
export function payloadOf(document: string): Fields {
  const [body = ''] = document.split('.')
  return JSON.parse(Buffer.from(body, 'base64url').toString()) as Fields
}

/** A document that says something else, with the signature of before. */
export function tampered(document: string, changes: Fields): string {
  const [, signature = ''] = document.split('.')
  return `${bodyOf({ ...payloadOf(document), ...changes })}.${signature}`
}

/** A document that says something else, and is signed. */
export function resigned(
  kind: 'membership',
  { document, changes, seed }: { readonly document: string; readonly changes: Fields; readonly seed: Buffer },
): string {
  const body = bodyOf({ ...payloadOf(document), ...changes })
  const bytes = Buffer.concat([Buffer.from(`edgeway ${kind}\0`), Buffer.from(body, 'base64url')])
  const key = createPrivateKey({ key: Buffer.concat([PKCS8_PREFIX, seed]), format: 'der', type: 'pkcs8' })
  return `${body}.${sign(null, bytes, key).toString('base64url')}`
}

function bodyOf(payload: Fields): string {
  return Buffer.from(JSON.stringify(payload)).toString('base64url')
}
