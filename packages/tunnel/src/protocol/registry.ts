import type { NodeName } from '@edgeway/core'
import { ProtocolError } from '../errors.ts'
import { MAX_CERTIFICATE_LENGTH, MEMBERSHIP_REFUSALS, nodeNameField } from '../identity/membership.ts'
import { MAX_BUNDLE_LENGTH } from '../identity/trust-bundle.ts'
import { MAX_RECORD_LENGTH, type PeerRecordWire } from '../records/peer-record.ts'
import { encodeFrame, type FrameFormat } from './frames.ts'
import { arrayField, asObject, integerField, type JsonObject, parseJsonObject, textField } from './json.ts'
import { MAX_EXPLANATION_LENGTH, MAX_MEMBERS } from './limits.ts'
import { decodeHave, decodeKeys, encodeHave, encodeKeys, type RecordVersion } from './record-version.ts'

/**
 * The registry: one long-lived stream from each member to each of its tunnel servers, and from each tunnel server to
 * each other one. Peer records are signed by their nodes, so it does not matter who hands them on.
 *
 * ```
 *   agent or tunnel server                                        tunnel server
 *     | -- hello {version, certificate, bundleSerial, instance} -----> |  within the grace
 *     | <-- welcome {certificate, bundleSerial, instance, observed, agents, reflectorPorts} |  both judge the other's certificate; or instead:
 *     | <-- refused {reason, message}, end ------------------------- |
 *
 *   then, both ways and at any time:
 *     bundle {bundle}         roots and revocations, by whoever sees that the other's serial is lower, and at each change
 *     have {entries}          what the sender knows, once after the welcome (the server, and between servers both);
 *                             afterwards what has changed, where that is a lot. entries: base64 of, for each record,
 *                             8 bytes of sha256(PeerId) | u32 crc32("<epoch>,<seq>")
 *     want {keys}             what of it the other side lacks or has in another version. keys: base64 of 8 bytes each
 *     records {records}       [{certificate, record}, ...], the answer to want, and what has changed, where that is little
 *     present {keys}, absent {keys}   between servers: the keys of members that came to the sender, or left it
 *     lookup {id, node}       for a node that the sender does not know
 *     found {id, record}      the answer; record: null where the other side does not know it either
 *     notice {reason, message}     something that people should know of; the session goes on
 *     refused {reason, message}    why the sender ends the session now
 *
 *   frame: u32 length | JSON object {"type": ..., ...}       lengths are big endian
 * ```
 *
 * Messages of an unknown type are skipped, so that a later version may add some. What is older than what is known is
 * passed over, so that a record may come by many ways.
 */
export const REGISTRY_PROTOCOL = '/edgeway/registry/2.0.0'

/** Of `hello`: the server refuses what it does not know. */
export const REGISTRY_VERSION = 2

/** The first frame, of somebody who may be nobody. */
export const HELLO_FRAMES: FrameFormat = { prefixBytes: 4, maxBytes: 32 * 1024 }
/** All others. */
export const REGISTRY_FRAMES: FrameFormat = { prefixBytes: 4, maxBytes: MAX_BUNDLE_LENGTH + 1024 }

/**
 * Why there is no session, or why it ends.
 *
 * - those of membership, see `MEMBERSHIP_REFUSALS`: what is wrong with the certificate
 * - `key-in-use`: the key is in use by another process, which is connected and answers
 * - `duplicate`: two tunnel servers dialled each other, and one session is enough
 * - `too-slow`: the member does not read what it is sent
 * - `unsupported-version`, `bad-request`: as in enrolment
 */
export const REGISTRY_REFUSALS = [
  ...MEMBERSHIP_REFUSALS,
  'key-in-use',
  'duplicate',
  'too-slow',
  'unsupported-version',
  'bad-request',
] as const

export type RegistryRefusal = (typeof REGISTRY_REFUSALS)[number]

/**
 * - `key-in-use`: another process uses the key of this one (a cloned disk?), and was refused or is elsewhere
 * - `record-refused`: a record that this side sent was not taken
 */
export const NOTICE_REASONS = ['key-in-use', 'record-refused'] as const

export type NoticeReason = (typeof NOTICE_REASONS)[number]

export interface Hello {
  readonly type: 'hello'
  readonly version: number
  readonly certificate: string
  /** Of the newest bundle that the sender has adopted; 0: none. */
  readonly bundleSerial: number
  /** Random for each process: tells a restarted process from a second one with the same key. */
  readonly instance: string
}

export interface Welcome {
  readonly type: 'welcome'
  readonly certificate: string
  readonly bundleSerial: number
  /** As in `hello`. */
  readonly instance: string
  /** The IP address that the server sees the other side at. */
  readonly observed: string
  /** How many agents the server serves, as many as come back after its restart. */
  readonly agents: number
  /** TCP ports of the server's host where reflectors listen; none at servers that have no reflector. */
  readonly reflectorPorts: readonly number[]
}

export type RegistryMessage =
  | Hello
  | Welcome
  | { readonly type: 'refused'; readonly reason: RegistryRefusal; readonly message: string }
  | { readonly type: 'bundle'; readonly bundle: string }
  | { readonly type: 'have'; readonly entries: readonly RecordVersion[] }
  /** Keys as `recordKey` makes them. */
  | { readonly type: 'want' | 'present' | 'absent'; readonly keys: readonly string[] }
  | { readonly type: 'records'; readonly records: readonly PeerRecordWire[] }
  | { readonly type: 'lookup'; readonly id: number; readonly node: NodeName }
  | { readonly type: 'found'; readonly id: number; readonly record: PeerRecordWire | undefined }
  | { readonly type: 'notice'; readonly reason: NoticeReason; readonly message: string }

const MAX_ID = 2 ** 32 - 1
const MAX_IP_LENGTH = 45
const MAX_INSTANCE_LENGTH = 64
const MAX_REFLECTOR_PORTS = 4
/** Of one frame of records, about: the next frames of other kinds don't wait long. */
const RECORDS_FRAME_BYTES = 256 * 1024

export function encodeRegistryMessage(message: RegistryMessage): Buffer {
  const format = message.type === 'hello' ? HELLO_FRAMES : REGISTRY_FRAMES
  return encodeFrame(format, Buffer.from(JSON.stringify(wireOf(message))))
}

/** In as many frames as it takes. */
export function encodeRecords(records: readonly PeerRecordWire[]): Buffer[] {
  const batches: PeerRecordWire[][] = []
  let room = 0
  for (const { certificate, record } of records) {
    const bytes = certificate.length + record.length
    if (batches.length === 0 || bytes > room) {
      batches.push([])
      room = RECORDS_FRAME_BYTES
    }
    room -= bytes
    batches.at(-1)?.push({ certificate, record })
  }
  return batches.map((batch) => encodeRegistryMessage({ type: 'records', records: batch }))
}

/** What is written in place of the message; explanations are cut. */
function wireOf(message: RegistryMessage): object {
  switch (message.type) {
    case 'have':
      return { type: message.type, entries: encodeHave(message.entries) }
    case 'want':
    case 'present':
    case 'absent':
      return { type: message.type, keys: encodeKeys(message.keys) }
    case 'found':
      return { ...message, record: message.record ?? null }
    case 'refused':
    case 'notice':
      return { ...message, message: message.message.slice(0, MAX_EXPLANATION_LENGTH) }
    default:
      return message
  }
}

/**
 * @returns `undefined` for a type that this version does not know
 * @throws {ProtocolError} when a field is missing or malformed
 */
export function decodeRegistryMessage(payload: Uint8Array): RegistryMessage | undefined {
  const object = parseJsonObject(payload)
  const type = textField(object, 'type', 100)
  const decode = Object.hasOwn(DECODERS, type) ? DECODERS[type] : undefined
  return decode?.(object)
}

const DECODERS: Readonly<Record<string, (object: JsonObject) => RegistryMessage>> = {
  hello: (object) => ({
    type: 'hello',
    version: integerField(object, 'version', 1_000_000),
    certificate: textField(object, 'certificate', MAX_CERTIFICATE_LENGTH),
    bundleSerial: serialField(object),
    instance: textField(object, 'instance', MAX_INSTANCE_LENGTH),
  }),
  welcome: (object) => ({
    type: 'welcome',
    certificate: textField(object, 'certificate', MAX_CERTIFICATE_LENGTH),
    bundleSerial: serialField(object),
    instance: textField(object, 'instance', MAX_INSTANCE_LENGTH),
    observed: textField(object, 'observed', MAX_IP_LENGTH),
    agents: integerField(object, 'agents', Number.MAX_SAFE_INTEGER),
    reflectorPorts: reflectorPortsField(object),
  }),
  refused: (object) => ({
    type: 'refused',
    reason: reasonField(object, REGISTRY_REFUSALS) ?? 'bad-request',
    message: explanationField(object),
  }),
  bundle: (object) => ({ type: 'bundle', bundle: textField(object, 'bundle', MAX_BUNDLE_LENGTH) }),
  have: (object) => ({ type: 'have', entries: decodeHave(base64Field(object, 'entries')) }),
  want: (object) => ({ type: 'want', keys: keysField(object) }),
  present: (object) => ({ type: 'present', keys: keysField(object) }),
  absent: (object) => ({ type: 'absent', keys: keysField(object) }),
  records: (object) => ({
    type: 'records',
    records: arrayField(object, 'records', MAX_MEMBERS).map(recordOf),
  }),
  lookup: (object) => ({
    type: 'lookup',
    id: integerField(object, 'id', MAX_ID),
    node: nodeNameField(object),
  }),
  found: (object) => ({
    type: 'found',
    id: integerField(object, 'id', MAX_ID),
    record: object['record'] === null ? undefined : recordOf(object['record']),
  }),
  notice: (object) => ({
    type: 'notice',
    reason: reasonField(object, NOTICE_REASONS) ?? 'record-refused',
    message: explanationField(object),
  }),
}

function recordOf(value: unknown): PeerRecordWire {
  const object = asObject(value, 'record')
  return {
    certificate: textField(object, 'certificate', MAX_CERTIFICATE_LENGTH),
    record: textField(object, 'record', MAX_RECORD_LENGTH),
  }
}

function serialField(object: JsonObject): number {
  return integerField(object, 'bundleSerial', Number.MAX_SAFE_INTEGER)
}

/** Servers of older versions say nothing of reflectors. */
function reflectorPortsField(object: JsonObject): number[] {
  if (object['reflectorPorts'] === undefined) return []
  return arrayField(object, 'reflectorPorts', MAX_REFLECTOR_PORTS).map((port) =>
    integerField({ reflectorPorts: port }, 'reflectorPorts', 65_535),
  )
}

function explanationField(object: JsonObject): string {
  return textField(object, 'message', MAX_EXPLANATION_LENGTH)
}

/** `undefined` for a reason of a newer version; the message says more. */
function reasonField<Reason extends string>(
  object: JsonObject,
  reasons: readonly Reason[],
): Reason | undefined {
  const text = textField(object, 'reason', 100)
  return reasons.find((reason) => reason === text)
}

function keysField(object: JsonObject): string[] {
  return decodeKeys(base64Field(object, 'keys'))
}

function base64Field(object: JsonObject, name: string): Buffer {
  const text = textField(object, name, REGISTRY_FRAMES.maxBytes)
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(text)) throw new ProtocolError(`field ${name} is not base64`)
  return Buffer.from(text, 'base64')
}
