import { ProtocolError } from '../errors.ts'
import {
  MAX_CERTIFICATE_LENGTH,
  MEMBERSHIP_REFUSALS,
  type MembershipRefusal,
} from '../identity/membership.ts'
import { MAX_BUNDLE_LENGTH } from '../identity/trust-bundle.ts'
import { encodeFrame, type FrameFormat } from './frames.ts'
import { integerField, type JsonObject, parseJsonObject, textField } from './json.ts'
import { MAX_EXPLANATION_LENGTH } from './limits.ts'

/**
 * Who is at the other end of a connection between two nodes. Its key is known from the handshake; the certificate that
 * says which node that key speaks for may not be. Whoever doesn't know it asks; where it is known nothing is sent.
 *
 * ```
 *   asks                                              is asked
 *     | -- ask {version, bundleSerial} ------------->  |
 *     | <-- member {certificate, bundle} ------------- |  bundle: where the one who asks has an older one, else empty
 *     | -- ok {bundle}, end ------------------------>  |  likewise, the other way; or
 *     | -- refused {reason, message}, end ---------->  |  just before it closes the connection
 *
 *   or, when a peer stops being a member while it is connected:
 *     | -- refused {reason, message}, end ---------->  |
 *
 *   frame: u32 length | JSON object {"type": ..., ...}       lengths are big endian
 * ```
 *
 * So roots and revocations reach nodes that see no tunnel server, too.
 */
export const MEMBERSHIP_PROTOCOL = '/edgeway/membership/1.0.0'

export const MEMBERSHIP_VERSION = 1

export const MEMBERSHIP_FRAMES: FrameFormat = { prefixBytes: 4, maxBytes: MAX_BUNDLE_LENGTH + 32 * 1024 }

/** Why a connection is closed. `superseded`: its node has another key by a later certificate. */
export const CONNECTION_REFUSALS = [...MEMBERSHIP_REFUSALS, 'superseded'] as const

export type ConnectionRefusal = MembershipRefusal | 'superseded'

export interface RefusedMessage {
  readonly type: 'refused'
  readonly reason: ConnectionRefusal
  /** For people. */
  readonly message: string
}

/** `bundle`: a signed text; empty where none is needed. */
export type MembershipMessage =
  | { readonly type: 'ask'; readonly version: number; readonly bundleSerial: number }
  | {
      readonly type: 'member'
      readonly certificate: string
      readonly bundleSerial: number
      readonly bundle: string
    }
  | { readonly type: 'ok'; readonly bundle: string }
  | RefusedMessage

export function encodeMembershipMessage(message: MembershipMessage): Buffer {
  const cut =
    message.type === 'refused'
      ? { ...message, message: message.message.slice(0, MAX_EXPLANATION_LENGTH) }
      : message
  return encodeFrame(MEMBERSHIP_FRAMES, Buffer.from(JSON.stringify(cut)))
}

/**
 * A reason of a newer version reads as `malformed`; its message says more.
 *
 * @throws {ProtocolError} when it is of no known type, or a field is missing or malformed
 */
export function decodeMembershipMessage(payload: Uint8Array): MembershipMessage {
  const object = parseJsonObject(payload)
  const type = textField(object, 'type', 100)
  switch (type) {
    case 'ask':
      return { type, version: integerField(object, 'version', 1_000_000), bundleSerial: serialField(object) }
    case 'member':
      return {
        type,
        certificate: textField(object, 'certificate', MAX_CERTIFICATE_LENGTH),
        bundleSerial: serialField(object),
        bundle: textField(object, 'bundle', MAX_BUNDLE_LENGTH),
      }
    case 'ok':
      return { type, bundle: textField(object, 'bundle', MAX_BUNDLE_LENGTH) }
    case 'refused':
      return {
        type,
        reason: reasonField(object),
        message: textField(object, 'message', MAX_EXPLANATION_LENGTH),
      }
    default:
      throw new ProtocolError(`a membership message of type ${JSON.stringify(type)} is unknown`)
  }
}

function serialField(object: JsonObject): number {
  return integerField(object, 'bundleSerial', Number.MAX_SAFE_INTEGER)
}

function reasonField(object: JsonObject): ConnectionRefusal {
  const text = textField(object, 'reason', 100)
  return CONNECTION_REFUSALS.find((reason) => reason === text) ?? 'malformed'
}
