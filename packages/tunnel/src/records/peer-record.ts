import type { NodeName } from '@edgeway/core'
import { peerIdFromString } from '@libp2p/peer-id'
import { parsePeerAddress } from '../addresses.ts'
import { ProtocolError } from '../errors.ts'
import {
  type Membership,
  type MembershipRefusal,
  peerIdField,
  readMembership,
} from '../identity/membership.ts'
import { readDocument, type Signer, signDocument } from '../identity/signed-document.ts'
import type { Trust } from '../identity/trust.ts'
import { type NatType, natTypeOf, UNKNOWN_NAT } from '../nat-type.ts'
import { arrayField, asObject, integerField, type JsonObject, textField } from '../protocol/json.ts'

/** A tunnel server at which a peer holds a reservation. */
export interface RelayOfPeer {
  readonly peerId: string
  /** Multiaddrs by which the peer reaches it. */
  readonly addresses: readonly string[]
  /** Round trip between the peer and the relay. */
  readonly rttMs: number
}

/** What a node says of itself. Addresses are multiaddrs of host and TCP port, with or without WebSocket. */
export interface PeerRecordFields {
  /** Of the process: grows with each start, whatever the machine's clock says. */
  readonly epoch: number
  /** Grows with each change within an epoch. */
  readonly seq: number
  /** Random for each process: two at a time mean that a key was copied. */
  readonly instance: string
  /** Where it is reached from its own LAN. */
  readonly lan: readonly string[]
  /** Where it is reached from everywhere. */
  readonly direct: readonly string[]
  /** The IPs that tunnel servers see it come from: nodes with one in common may be on one LAN. */
  readonly egress: readonly string[]
  readonly relays: readonly RelayOfPeer[]
  /** What lies between it and the internet; `UNKNOWN_NAT` in records of older agents. */
  readonly nat: NatType
}

/** As it is sent and stored: both are texts of signed documents. */
export interface PeerRecordWire {
  readonly certificate: string
  readonly record: string
}

/**
 * A node with its certificate and its own signed word about how it is reached. Nobody's word is needed to believe it but the
 * cluster's and the node's own, so it may come from anybody: a tunnel server, a disk, the DHT.
 */
export interface PeerRecord extends PeerRecordFields {
  readonly membership: Membership
  readonly node: NodeName
  readonly peerId: string
  readonly wire: PeerRecordWire
}

export type PeerRecordVerdict =
  | { readonly kind: 'record'; readonly record: PeerRecord }
  | {
      readonly kind: 'refused'
      /** `bad-record`: the certificate is good, but what the node is to have said is not. */
      readonly reason: MembershipRefusal | 'bad-record'
      readonly message: string
    }

/** Of each kind; the first ones count where a node has more. */
export const MAX_ADDRESSES = 16
export const MAX_RELAYS = 8
/** Longer ones are refused unread. */
export const MAX_RECORD_LENGTH = 16_384

const VERSION = 1
const MAX_ADDRESS_LENGTH = 300

export function signPeerRecord(
  fields: PeerRecordFields,
  { certificate, signer }: { readonly certificate: string; readonly signer: Signer },
): PeerRecord {
  const { membership } = readMembership(certificate)
  const { peerId, node } = membership
  const record = signDocument('record', { v: VERSION, peerId, ...fields }, signer)
  return { ...fields, membership, node, peerId, wire: { certificate, record } }
}

/** Judges the certificate, and believes what the record says if the certificate's key has signed it. */
export function readPeerRecord({ certificate, record }: PeerRecordWire, trust: Trust): PeerRecordVerdict {
  try {
    const { membership: claimed } = readMembership(certificate)
    const { peerId } = claimed
    const verdict = trust.judge(certificate, { peerId })
    if (verdict.kind === 'refused') return verdict
    const fields = readFields(record, peerId)
    const { membership } = verdict
    return {
      kind: 'record',
      record: { ...fields, membership, node: membership.node, peerId, wire: { certificate, record } },
    }
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error
    return { kind: 'refused', reason: 'bad-record', message: error.message }
  }
}

/** Whether `a` was said after `b`, by one peer. */
export function isNewer(
  a: Pick<PeerRecordFields, 'epoch' | 'seq'>,
  b: Pick<PeerRecordFields, 'epoch' | 'seq'>,
): boolean {
  return a.epoch === b.epoch ? a.seq > b.seq : a.epoch > b.epoch
}

function readFields(text: string, peerId: string): PeerRecordFields {
  if (text.length > MAX_RECORD_LENGTH) throw new ProtocolError('the peer record is too long')
  const { payload, isSignedBy } = readDocument('record', text)
  const version = integerField(payload, 'v', 1_000_000)
  if (version !== VERSION) throw new ProtocolError(`field v is ${version}, expected ${VERSION}`)
  const said = peerIdField(payload)
  if (said !== peerId) throw new ProtocolError(`the peer record is of ${said}, the certificate of ${peerId}`)
  if (!isSignedBy(publicKeyOf(peerId)))
    throw new ProtocolError('the signature of the peer record does not hold')
  return {
    epoch: integerField(payload, 'epoch', Number.MAX_SAFE_INTEGER),
    seq: integerField(payload, 'seq', Number.MAX_SAFE_INTEGER),
    instance: textField(payload, 'instance', 64),
    lan: addressesOf(payload, 'lan'),
    direct: addressesOf(payload, 'direct'),
    egress: arrayField(payload, 'egress', MAX_ADDRESSES).map((ip) => textField({ egress: ip }, 'egress', 45)),
    relays: arrayField(payload, 'relays', MAX_RELAYS).map((relay) =>
      relayOf(asObject(relay, 'field relays')),
    ),
    nat: payload['nat'] === undefined ? UNKNOWN_NAT : natTypeOf(payload['nat']),
  }
}

function relayOf(object: JsonObject): RelayOfPeer {
  return {
    peerId: peerIdField(object),
    addresses: addressesOf(object, 'addresses'),
    rttMs: integerField(object, 'rttMs', 600_000),
  }
}

/** Those that can't be dialled are left out: a newer node may know of kinds that this one doesn't. */
function addressesOf(object: JsonObject, name: string): string[] {
  return arrayField(object, name, MAX_ADDRESSES)
    .map((address) => textField({ [name]: address }, name, MAX_ADDRESS_LENGTH))
    .filter((address) => parsePeerAddress(address) !== undefined)
}

/** The PeerId of an Ed25519 key holds the key itself. */
function publicKeyOf(peerId: string): Uint8Array {
  const { publicKey } = peerIdFromString(peerId)
  if (publicKey === undefined) throw new ProtocolError(`PeerId ${peerId} holds no key`)
  return publicKey.raw
}
