import { randomBytes } from 'node:crypto'
import { peerIdFromString } from '@libp2p/peer-id'
import { JoinTokenError } from '../errors.ts'
import { PrivateFile } from '../state/private-file.ts'
import type { StoredValue } from '../state/stored-value.ts'

/** What lets a node in: the secret, and the server that alone may see it. */
export interface JoinToken {
  readonly serverPeerId: string
  /** 32 random bytes, base64url. */
  readonly secret: string
}

const FORM = 'edgeway1.<PeerId of the tunnel server>.<secret>'
const SECRET_BYTES = 32
// 32 bytes are 43 characters of base64url without padding.
const PATTERN = /^edgeway1\.([1-9A-HJ-NP-Za-km-z]{40,64})\.([A-Za-z0-9_-]{43})$/

/** @throws {JoinTokenError} when the text is not a join token; the message never contains the text */
export function parseJoinToken(text: string): JoinToken {
  const [, serverPeerId, secret] = PATTERN.exec(text) ?? []
  if (serverPeerId === undefined || secret === undefined || !isPeerId(serverPeerId)) {
    throw new JoinTokenError(`not a join token: expected ${FORM}`)
  }
  return { serverPeerId, secret }
}

export function formatJoinToken({ serverPeerId, secret }: JoinToken): string {
  return `edgeway1.${serverPeerId}.${secret}`
}

/**
 * The tokens that a node was given: one line per tunnel server; empty lines and lines that start with `#` don't count.
 *
 * @throws {JoinTokenError} when the file is missing or holds anything else
 */
export async function readJoinTokens(file: string): Promise<JoinToken[]> {
  const text = (await new PrivateFile(file).read())?.toString('utf8')
  const source = 'copy it from the tunnel server (its log says where it is)'
  if (text === undefined) throw new JoinTokenError(`join token file ${file} is missing: ${source}`)
  return parseJoinTokens(text, { place: `join token file ${file}`, source })
}

/**
 * The token of this tunnel server, made at its first start.
 *
 * @throws {JoinTokenError} when what is stored is malformed, belongs to another server key, or can be read by other users
 */
export async function loadOrCreateJoinToken(stored: StoredValue, serverPeerId: string): Promise<JoinToken> {
  const text = (await stored.read())?.toString('utf8')
  if (text === undefined) {
    const created = { serverPeerId, secret: randomBytes(SECRET_BYTES).toString('base64url') }
    await stored.write(`${formatJoinToken(created)}\n`)
    return created
  }

  const place = `the join token in ${stored.place}`
  const source = 'restore it, or delete it to get a new one'
  const exposure = await stored.exposure()
  if (exposure !== undefined) throw new JoinTokenError(`${place} ${exposure}`)
  const token = parseJoinTokens(text, { place, source }).find((one) => one.serverPeerId === serverPeerId)
  if (token !== undefined) return token
  throw new JoinTokenError(
    `${place} belongs to another server key: restore that key, or delete the token to get a new one`,
  )
}

function parseJoinTokens(
  text: string,
  { place, source }: { readonly place: string; readonly source: string },
): JoinToken[] {
  const lines = text.split('\n').map((line) => line.trim())
  const tokens = lines.filter((line) => line !== '' && !line.startsWith('#'))
  if (tokens.length === 0) throw new JoinTokenError(`${place} is empty: ${source}`)
  try {
    return tokens.map(parseJoinToken)
  } catch (error) {
    throw new JoinTokenError(`${place} is malformed: expected one line ${FORM}; ${source}`, { cause: error })
  }
}

function isPeerId(text: string): boolean {
  try {
    peerIdFromString(text)
    return true
  } catch {
    // The parser says "no" by throwing.
    return false
  }
}
