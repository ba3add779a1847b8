import { randomBytes } from 'node:crypto'
import type { NodeName } from '@edgeway/core'
import { JoinTokenError, ProtocolError } from '../errors.ts'
import { integerField, type JsonObject, textField } from '../protocol/json.ts'
import { type ClusterId, clusterField, nodeNameField } from './membership.ts'
import { PUBLIC_KEY_BYTES, readDocument, type Signer, signDocument } from './signed-document.ts'

export const TOKEN_USES = ['single', 'multi'] as const

export type TokenUses = (typeof TOKEN_USES)[number]

/**
 * Lets a node in, once or many times. Made by whoever has the cluster's key, and checked by its signature: no server
 * needs a list of tokens. It names the key that signed it, by which a node knows a tunnel server of the cluster before
 * it shows the token.
 */
export interface JoinToken {
  /** For revocation and for people. */
  readonly id: string
  readonly cluster: ClusterId
  /** Raw public key of the cluster that signed the token; tunnel servers prove themselves by it. */
  readonly root: Uint8Array
  /** The only node that it lets in; any, where it is missing. */
  readonly node?: NodeName
  readonly uses: TokenUses
  /** Unix seconds, like `notAfter`; without that it has no end. */
  readonly issuedAt: number
  readonly notAfter?: number
  readonly text: string
}

const PREFIX = 'edgeway2.'
const FORMER_PREFIX = 'edgeway1.'
const ID_BYTES = 9
const MAX_LENGTH = 2_048
const MAX_SECONDS = 2 ** 40

export type JoinTokenFields = Pick<JoinToken, 'cluster' | 'node' | 'uses' | 'issuedAt' | 'notAfter'>

export function createJoinToken(fields: JoinTokenFields, signer: Signer): JoinToken {
  const { cluster, node, uses, issuedAt, notAfter } = fields
  // Not base64url: a command would take one that begins with a dash for an option.
  const id = randomBytes(ID_BYTES).toString('hex')
  const root = Buffer.from(signer.publicKey).toString('base64url')
  const text = signDocument('token', { id, cluster, root, node, uses, issuedAt, notAfter }, signer)
  return parseJoinToken(`${PREFIX}${text}`)
}

/** @throws {JoinTokenError} when the text is no join token, or was changed; the message never contains the text */
export function parseJoinToken(text: string): JoinToken {
  if (text.startsWith(FORMER_PREFIX))
    throw new JoinTokenError('the join token is of an older version (edgeway1): make a new one')
  if (!text.startsWith(PREFIX) || text.length > MAX_LENGTH)
    throw new JoinTokenError(`not a join token: expected ${PREFIX}<claims>.<signature>`)
  try {
    const document = readDocument('token', text.slice(PREFIX.length))
    const token = { ...tokenOf(document.payload), text }
    if (document.isSignedBy(token.root)) return token
  } catch (cause) {
    if (!(cause instanceof ProtocolError)) throw cause
    throw new JoinTokenError('not a join token: it is cut off or was changed', { cause })
  }
  throw new JoinTokenError('not a join token: its signature does not hold; it was changed')
}

/**
 * The tokens of a file: one a line; empty lines and lines that start with `#` don't count.
 *
 * @param place - for the message, e.g. `join token file /etc/edgeway/join-token`
 * @throws {JoinTokenError} when there is none, or a line is something else
 */
export function parseJoinTokens(text: string, place: string): JoinToken[] {
  const lines = text.split('\n').map((line) => line.trim())
  const tokens = lines.filter((line) => line !== '' && !line.startsWith('#'))
  if (tokens.length === 0) throw new JoinTokenError(`${place} is empty: ${HOW_TO_GET_ONE}`)
  try {
    return tokens.map(parseJoinToken)
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new JoinTokenError(`${place} can not be used: ${why}; ${HOW_TO_GET_ONE}`, { cause })
  }
}

/** For messages. */
export const HOW_TO_GET_ONE = 'make one with `tunnel-server token create` (its first one is named in its log)'

function tokenOf(object: JsonObject): Omit<JoinToken, 'text'> {
  const uses = TOKEN_USES.find((known) => known === object['uses'])
  if (uses === undefined) throw new ProtocolError(`field uses is not one of ${TOKEN_USES.join(', ')}`)
  return {
    id: textField(object, 'id', 100),
    cluster: clusterField(object),
    root: publicKeyField(object, 'root'),
    ...(object['node'] === undefined ? {} : { node: nodeNameField(object) }),
    uses,
    issuedAt: integerField(object, 'issuedAt', MAX_SECONDS),
    ...(object['notAfter'] === undefined ? {} : { notAfter: integerField(object, 'notAfter', MAX_SECONDS) }),
  }
}

/** @throws {ProtocolError} when it is not 32 bytes in base64url */
export function publicKeyField(object: JsonObject, name: string): Buffer {
  const bytes = Buffer.from(textField(object, name, 100), 'base64url')
  if (bytes.length === PUBLIC_KEY_BYTES) return bytes
  throw new ProtocolError(`field ${name} is no Ed25519 key: expected ${PUBLIC_KEY_BYTES} bytes in base64url`)
}
