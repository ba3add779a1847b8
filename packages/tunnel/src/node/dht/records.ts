import { createHash } from 'node:crypto'
import type { NodeName } from '@edgeway/core'
import { ProtocolError } from '../../errors.ts'
import { type ClusterId, MAX_CERTIFICATE_LENGTH } from '../../identity/membership.ts'
import type { Trust } from '../../identity/trust.ts'
import { parseJsonObject, textField } from '../../protocol/json.ts'
import { isNewer, MAX_RECORD_LENGTH, type PeerRecord, readPeerRecord } from '../../records/peer-record.ts'

/**
 * What is asked for in the DHT, and what is answered:
 *
 * ```
 *   /edgeway/<ClusterId>/node/<node name>     the record of the peer that speaks for the node
 *   /edgeway/<ClusterId>/peer/<PeerId>        the record of that peer
 *   value: {"certificate": "...", "record": "..."}, UTF-8
 * ```
 *
 * kad-dht hashes the key by SHA-256, and finds the validator by what stands between the first two slashes.
 */
export const KEY_SPACE = 'edgeway'

/** Of a value: both texts as long as they may be, and what JSON adds. */
export const MAX_VALUE_BYTES = MAX_CERTIFICATE_LENGTH + MAX_RECORD_LENGTH + 100

export type RecordQuestion =
  | { readonly kind: 'node'; readonly node: NodeName }
  | { readonly kind: 'peer'; readonly peerId: string }

export function encodeKey(cluster: ClusterId, question: RecordQuestion): Buffer {
  const name = question.kind === 'node' ? question.node : question.peerId
  return Buffer.from(`/${KEY_SPACE}/${cluster}/${question.kind}/${name}`)
}

/** @returns `undefined` when it asks for nothing that the cluster's records answer */
export function decodeKey(cluster: ClusterId, key: Uint8Array): RecordQuestion | undefined {
  const prefix = `/${KEY_SPACE}/${cluster}/`
  const text = Buffer.from(key).toString('utf8')
  const [kind, name, ...rest] = text.startsWith(prefix) ? text.slice(prefix.length).split('/') : []
  if (name === undefined || rest.length > 0) return undefined
  if (kind === 'node') return { kind, node: name as NodeName }
  return kind === 'peer' ? { kind, peerId: name } : undefined
}

export function encodeValue({ wire }: PeerRecord): Buffer {
  return Buffer.from(JSON.stringify({ certificate: wire.certificate, record: wire.record }))
}

/**
 * The record that a value holds, if it is of a member agent and answers the key.
 *
 * @throws {ProtocolError} in all other cases; it says why
 */
export function readValue(key: Uint8Array, value: Uint8Array, trust: Trust): PeerRecord {
  const question = decodeKey(trust.cluster, key)
  if (question === undefined) throw new ProtocolError('the key is none of this cluster')
  if (value.length > MAX_VALUE_BYTES) throw new ProtocolError(`the value is longer than ${MAX_VALUE_BYTES}`)
  const object = parseJsonObject(value)
  const wire = {
    certificate: textField(object, 'certificate', MAX_CERTIFICATE_LENGTH),
    record: textField(object, 'record', MAX_RECORD_LENGTH),
  }
  const verdict = readPeerRecord(wire, trust)
  if (verdict.kind === 'refused') throw new ProtocolError(verdict.message)
  const { record } = verdict
  if (record.membership.role !== 'agent') throw new ProtocolError(`${record.node} is no agent`)
  if (!isAnswer(record, question))
    throw new ProtocolError(`the record of ${record.node} is not what was asked`)
  return record
}

/**
 * Which of several records for one key holds: of one peer the newest, of two peers for one node the one whose
 * certificate was issued later.
 *
 * @returns the index; the records are not empty
 */
export function indexOfBest(records: readonly (PeerRecord | undefined)[]): number {
  let best = 0
  for (const [index, record] of records.entries()) if (isBetter(record, records[best])) best = index
  return best
}

/**
 * The peers that might be connected to, in an order that all members come to for one key, and that is another for each
 * key: whoever publishes and whoever looks up meet at the same ones. Those that everybody reaches take turns with those
 * of this node's own LAN: either way may be cut. The others come last.
 *
 * @param isNear - whether the peer is, or may be, on a LAN of this node
 * @see Thaler and Ravishankar 1998, "Using name-based mappings to increase hit rates"
 */
export function meetingPlaces(
  key: Uint8Array,
  records: Iterable<PeerRecord>,
  isNear: (record: PeerRecord) => boolean,
): PeerRecord[] {
  const weighed = [...records]
    .filter(({ membership, lan, direct }) => membership.role === 'agent' && lan.length + direct.length > 0)
    .map((record) => ({ record, weight: weightOf(key, record) }))
  weighed.sort((a, b) => Buffer.compare(b.weight, a.weight))
  const places = Object.groupBy(weighed, ({ record }) => kindOf(record, isNear))
  const { direct = [], near = [], far = [] } = places
  const turns = Array.from({ length: Math.max(direct.length, near.length) }, (_, turn) => [
    direct[turn],
    near[turn],
  ])
  return [...turns.flat(), ...far].filter((place) => place !== undefined).map(({ record }) => record)
}

function kindOf(record: PeerRecord, isNear: (record: PeerRecord) => boolean): 'direct' | 'near' | 'far' {
  if (record.direct.length > 0) return 'direct'
  return isNear(record) ? 'near' : 'far'
}

export function isAnswer({ node, peerId }: PeerRecord, question: RecordQuestion): boolean {
  return question.kind === 'node' ? node === question.node : peerId === question.peerId
}

function isBetter(a: PeerRecord | undefined, b: PeerRecord | undefined): boolean {
  if (a === undefined || b === undefined) return a !== undefined
  return a.peerId === b.peerId ? isNewer(a, b) : a.membership.issuedAt > b.membership.issuedAt
}

function weightOf(key: Uint8Array, { peerId }: PeerRecord): Buffer {
  return createHash('sha256').update(key).update(peerId).digest()
}
