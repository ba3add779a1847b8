import type { NodeName } from '@edgeway/core'
import { ProtocolError } from '../errors.ts'
import { asObject, integerField, type JsonObject, textField } from '../protocol/json.ts'
import { isNodeName } from './node-name.ts'
import { isPeerId } from './peer-id.ts'
import { type ReadDocument, readDocument, type Signer, signDocument } from './signed-document.ts'

/** 16 hexadecimal digits; never changes, whatever becomes of the cluster's keys. */
export type ClusterId = string & { readonly ClusterId: unique symbol }

export const ROLES = ['agent', 'server'] as const

export type Role = (typeof ROLES)[number]

/**
 * Which key speaks for which node of which cluster: what a membership certificate says. Times are Unix seconds.
 */
export interface Membership {
  readonly cluster: ClusterId
  readonly node: NodeName
  readonly peerId: string
  readonly role: Role
  readonly labels: Readonly<Record<string, string>>
  readonly issuedAt: number
  readonly notBefore: number
  readonly notAfter: number
  /** Of the single-use join token that it came from. */
  readonly token?: string
  /**
   * When the join token was made that it came from, if that was for this very node. Renewals don't change it, so a
   * revocation of the node is measured by it: whoever was revoked can't renew his way past it at a server that has not
   * heard of it yet.
   */
  readonly invitedAt?: number
  /** KeyId of the root that signed it. */
  readonly signer: string
}

/**
 * Why a certificate is not taken.
 *
 * - `no-certificate`: the peer has shown none
 * - `malformed`: it can't be read
 * - `wrong-cluster`: it is of another cluster
 * - `unknown-signer`: its signer is no root of the cluster, as far as this process knows
 * - `bad-signature`: it was changed, or somebody else signed it
 * - `wrong-key`: it is of another PeerId than its bearer's
 * - `wrong-role`: an agent's where a tunnel server's is needed, or the reverse
 * - `not-yet-valid`, `expired`: by more than the tolerated clock skew
 * - `revoked`: the key; or the node, and it was not invited anew since
 */
export const MEMBERSHIP_REFUSALS = [
  'no-certificate',
  'malformed',
  'wrong-cluster',
  'unknown-signer',
  'bad-signature',
  'wrong-key',
  'wrong-role',
  'not-yet-valid',
  'expired',
  'revoked',
] as const

export type MembershipRefusal = (typeof MEMBERSHIP_REFUSALS)[number]

export type MembershipVerdict =
  | { readonly kind: 'member'; readonly membership: Membership }
  /** `message` is for people, and says what can be done. */
  | { readonly kind: 'refused'; readonly reason: MembershipRefusal; readonly message: string }

/** How far the clocks of two members may be apart. */
export const CLOCK_SKEW_SECONDS = 600

/**
 * Until when a key has to stay revoked, in Unix seconds, so that no certificate of it holds again: not the one that it may
 * have got from a server that hears of it a whole life of a certificate later either.
 */
export function revokedUntil(now: number, certificateLifeSeconds: number): number {
  return now + 2 * certificateLifeSeconds + CLOCK_SKEW_SECONDS
}

/** Longer ones are refused unread. */
export const MAX_CERTIFICATE_LENGTH = 8_192

const VERSION = 1
const MAX_LABELS = 64
const MAX_SECONDS = 2 ** 40

export function signMembership(membership: Membership, signer: Signer): string {
  return signDocument('membership', { v: VERSION, ...membership }, signer)
}

/**
 * Reads a certificate without believing it.
 *
 * @throws {ProtocolError} when it can't be read
 */
export function readMembership(text: string): { membership: Membership; document: ReadDocument } {
  if (text.length > MAX_CERTIFICATE_LENGTH) throw new ProtocolError('the certificate is too long')
  const document = readDocument('membership', text)
  return { membership: membershipOf(document.payload), document }
}

function membershipOf(object: JsonObject): Membership {
  const version = integerField(object, 'v', 1_000_000)
  if (version !== VERSION) throw new ProtocolError(`field v is ${version}, expected ${VERSION}`)
  const token = object['token'] === undefined ? {} : { token: textField(object, 'token', 100) }
  const invitedAt =
    object['invitedAt'] === undefined ? {} : { invitedAt: integerField(object, 'invitedAt', MAX_SECONDS) }
  return {
    cluster: clusterField(object),
    node: nodeNameField(object),
    peerId: peerIdField(object),
    role: roleField(object),
    labels: labelsField(object),
    issuedAt: integerField(object, 'issuedAt', MAX_SECONDS),
    notBefore: integerField(object, 'notBefore', MAX_SECONDS),
    notAfter: integerField(object, 'notAfter', MAX_SECONDS),
    ...token,
    ...invitedAt,
    signer: textField(object, 'signer', 16),
  }
}

/** @throws {ProtocolError} when it is no ClusterId */
export function clusterField(object: JsonObject): ClusterId {
  const text = textField(object, 'cluster', 16)
  if (!/^[0-9a-f]{16}$/.test(text)) throw new ProtocolError(`field cluster is "${text}", no ClusterId`)
  return text as ClusterId
}

/** @throws {ProtocolError} when it is no name that a node can have */
export function nodeNameField(object: JsonObject): NodeName {
  const text = textField(object, 'node', 253)
  if (!isNodeName(text)) throw new ProtocolError(`field node is "${text}", no node name`)
  return text
}

/** @throws {ProtocolError} when it is no PeerId of an Ed25519 key */
export function peerIdField(object: JsonObject): string {
  const text = textField(object, 'peerId', 100)
  if (isPeerId(text)) return text
  throw new ProtocolError(`field peerId is "${text}", no PeerId of an Ed25519 key`)
}

function roleField(object: JsonObject): Role {
  const text = textField(object, 'role', 20)
  const role = ROLES.find((known) => known === text)
  if (role === undefined)
    throw new ProtocolError(`field role is "${text}", expected one of ${ROLES.join(', ')}`)
  return role
}

/** @throws {ProtocolError} when it is no object of texts, or too large */
export function labelsField(object: JsonObject): Record<string, string> {
  const labels = asObject(object['labels'] ?? {}, 'field labels')
  const names = Object.keys(labels)
  if (names.length > MAX_LABELS) throw new ProtocolError(`field labels has more than ${MAX_LABELS} entries`)
  return Object.fromEntries(names.map((name) => [name.slice(0, 317), textField(labels, name, 63)]))
}
