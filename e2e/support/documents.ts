import { createPrivateKey, sign } from 'node:crypto'
import type { Mesh } from '@edgeway/testbed'

type Fields = Readonly<Record<string, unknown>>

const HOUR_SECONDS = 3_600

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
function resigned(
  kind: 'membership',
  { document, changes, seed }: { readonly document: string; readonly changes: Fields; readonly seed: Buffer },
): string {
  const body = bodyOf({ ...payloadOf(document), ...changes })
  const bytes = Buffer.concat([Buffer.from(`edgeway ${kind}\0`), Buffer.from(body, 'base64url')])
  const key = createPrivateKey({ key: Buffer.concat([PKCS8_PREFIX, seed]), format: 'der', type: 'pkcs8' })
  return `${body}.${sign(null, bytes, key).toString('base64url')}`
}

/** A certificate that says the same, as the cluster would have made it then. */
export async function issued(
  mesh: Mesh,
  certificate: string,
  { hoursAgo, validHours }: { readonly hoursAgo: number; readonly validHours: number },
): Promise<string> {
  const { data } = (await mesh.kubectl.get('secret', 'edgeway', 'edgeway-tunnel-server')) as {
    readonly data?: Readonly<Record<string, string>>
  }
  const state = JSON.parse(Buffer.from(data?.['cluster.json'] ?? '', 'base64').toString())
  const issuedAt = Math.floor(Date.now() / 1_000) - hoursAgo * HOUR_SECONDS
  const times = { issuedAt, notBefore: issuedAt, notAfter: issuedAt + validHours * HOUR_SECONDS }
  // The last one of the keys is the one that has been there from the start.
  const seed = Buffer.from(state.keys.at(-1), 'base64url')
  return resigned('membership', { document: certificate, changes: times, seed })
}

function bodyOf(payload: Fields): string {
  return Buffer.from(JSON.stringify(payload)).toString('base64url')
}
