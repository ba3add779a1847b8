import type { NodeName } from '@edgeway/core'
import { ProtocolError } from '../errors.ts'
import { labelsField, MAX_CERTIFICATE_LENGTH, nodeNameField } from '../identity/membership.ts'
import { MAX_BUNDLE_LENGTH } from '../identity/trust-bundle.ts'
import { encodeFrame, type FrameFormat } from './frames.ts'
import { integerField, type JsonObject, parseJsonObject, textField } from './json.ts'
import { MAX_EXPLANATION_LENGTH } from './limits.ts'

/**
 * How a node becomes a member, and stays one: one stream from an agent to a tunnel server, with one exchange on it.
 *
 * ```
 *   agent                                         tunnel server
 *     | -- hello {version} -------------------------->  |
 *     | <-- server {certificate, bundle} ------------- |  or refused
 *     | -- enrol {node, token, labels} -------------->  |  or renew {certificate}, or untrusted {message}, end
 *     | <-- enrolled {certificate, bundle}, end ------ |  or instead:
 *     | <-- refused {reason, message}, end ----------- |
 *
 *   frame: u32 length | JSON object {"type": ..., ...}       lengths are big endian
 * ```
 *
 * The agent shows its token only after the server has proven by its certificate that it is one of the cluster that the
 * token pins; where it is not, the agent says so by `untrusted`. Whose key is to become a member is known from the
 * connection. A server holds no more than a few hundred of these streams at a time: `busy` means to come back later.
 */
export const ENROLMENT_PROTOCOL = '/edgeway/enrolment/1.0.0'

/** Of `hello`: the server refuses what it does not know. Version 1 was a part of the registry protocol. */
export const ENROLMENT_VERSION = 2

/** What an agent sends: nobody that is no member may make the server read more. */
export const ENROLMENT_REQUEST_FRAMES: FrameFormat = { prefixBytes: 4, maxBytes: 32 * 1024 }
export const ENROLMENT_ANSWER_FRAMES: FrameFormat = {
  prefixBytes: 4,
  maxBytes: MAX_BUNDLE_LENGTH + 32 * 1024,
}

/**
 * Why a node was not let in, or its certificate not renewed.
 *
 * - `wrong-token`: not a token, or not one that a key of this cluster signed
 * - `token-expired`, `token-spent`, `token-revoked`: over; used by another key, where it was for a single use; taken back
 * - `token-for-another-node`: the token is for one node, and that is another one
 * - `node-name-taken`: another key holds that name with a valid certificate, and was seen within the last 10 minutes
 * - `revoked`: the node or its key was thrown out
 * - `expired`: the certificate that was to be renewed is over: a token is needed again
 * - `key-in-use`: the key is that of another node
 * - `wrong-cluster`: the certificate that was to be renewed, or the token, is of another cluster
 * - `server-full`: the cluster has as many members as may be
 * - `unsupported-version`: the server does not know that version of the protocol
 * - `bad-request`: what came can't be read, or is no valid request
 * - `busy`: the server can't store its state just now, or has too many of these requests: to be tried again
 */
export const ENROLMENT_REFUSALS = [
  'wrong-token',
  'token-expired',
  'token-spent',
  'token-revoked',
  'token-for-another-node',
  'node-name-taken',
  'revoked',
  'expired',
  'key-in-use',
  'wrong-cluster',
  'server-full',
  'unsupported-version',
  'bad-request',
  'busy',
] as const

export type EnrolmentRefusal = (typeof ENROLMENT_REFUSALS)[number]

export interface Enrol {
  readonly type: 'enrol'
  readonly node: NodeName
  /** Text of the join token. */
  readonly token: string
  /** Kubernetes labels that the node wants in its certificate. */
  readonly labels: Readonly<Record<string, string>>
}

/** What an agent sends. `untrusted`: it does not believe the server, and why; nothing follows. */
export type EnrolmentRequest =
  | { readonly type: 'hello'; readonly version: number }
  | Enrol
  | { readonly type: 'renew'; readonly certificate: string }
  | { readonly type: 'untrusted'; readonly message: string }

/** What a tunnel server sends. `bundle`: its roots and revocations, a signed text; empty where it has none yet. */
export type EnrolmentAnswer =
  | { readonly type: 'server' | 'enrolled'; readonly certificate: string; readonly bundle: string }
  | { readonly type: 'refused'; readonly reason: EnrolmentRefusal; readonly message: string }

/** A join token. */
const MAX_TOKEN_LENGTH = 4_096

export function encodeEnrolmentRequest(message: EnrolmentRequest): Buffer {
  const cut = message.type === 'untrusted' ? { ...message, message: explanation(message.message) } : message
  return encodeFrame(ENROLMENT_REQUEST_FRAMES, Buffer.from(JSON.stringify(cut)))
}

export function encodeEnrolmentAnswer(message: EnrolmentAnswer): Buffer {
  const cut = message.type === 'refused' ? { ...message, message: explanation(message.message) } : message
  return encodeFrame(ENROLMENT_ANSWER_FRAMES, Buffer.from(JSON.stringify(cut)))
}

/** @throws {ProtocolError} when it is of no known type, or a field is missing or malformed */
export function decodeEnrolmentRequest(payload: Uint8Array): EnrolmentRequest {
  const object = parseJsonObject(payload)
  const type = textField(object, 'type', 100)
  switch (type) {
    case 'hello':
      return { type, version: integerField(object, 'version', 1_000_000) }
    case 'enrol':
      return {
        type,
        node: nodeNameField(object),
        token: textField(object, 'token', MAX_TOKEN_LENGTH),
        labels: labelsField(object),
      }
    case 'renew':
      return { type, certificate: textField(object, 'certificate', MAX_CERTIFICATE_LENGTH) }
    case 'untrusted':
      return { type, message: textField(object, 'message', MAX_EXPLANATION_LENGTH) }
    default:
      throw new ProtocolError(`a request of type ${JSON.stringify(type)} is unknown`)
  }
}

/**
 * A reason of a newer server reads as `bad-request`; its message says more.
 *
 * @throws {ProtocolError} when it is of no known type, or a field is missing or malformed
 */
export function decodeEnrolmentAnswer(payload: Uint8Array): EnrolmentAnswer {
  const object = parseJsonObject(payload)
  const type = textField(object, 'type', 100)
  switch (type) {
    case 'server':
    case 'enrolled':
      return {
        type,
        certificate: textField(object, 'certificate', MAX_CERTIFICATE_LENGTH),
        bundle: textField(object, 'bundle', MAX_BUNDLE_LENGTH),
      }
    case 'refused':
      return {
        type,
        reason: refusalOf(object),
        message: textField(object, 'message', MAX_EXPLANATION_LENGTH),
      }
    default:
      throw new ProtocolError(`an answer of type ${JSON.stringify(type)} is unknown`)
  }
}

function refusalOf(object: JsonObject): EnrolmentRefusal {
  const text = textField(object, 'reason', 100)
  return ENROLMENT_REFUSALS.find((reason) => reason === text) ?? 'bad-request'
}

function explanation(text: string): string {
  return text.slice(0, MAX_EXPLANATION_LENGTH)
}
