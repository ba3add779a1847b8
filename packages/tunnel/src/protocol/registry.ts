import type { NodeName } from '@edgeway/core'
import { ProtocolError } from '../errors.ts'
import { encodeFrame, type FrameFormat } from './frames.ts'
import { JOIN_REFUSALS, type JoinRefusal } from './join-refusal.ts'
import { arrayField, asObject, integerField, type JsonObject, parseJsonObject, textField } from './json.ts'

/**
 * Membership and registry: one long-lived stream from each agent to each of its tunnel servers.
 *
 * ```
 *   agent                                          tunnel server
 *     | -- join {version, node, token, addresses} -->  |  within the server's join timeout
 *     | <-- welcome {peers: [{node, peerId, addresses}]} |  all members, or instead:
 *     | <-- refused {reason, message}, end ----------- |
 *     | <-- peer {node, peerId, addresses} ----------- |  a member came, or its addresses changed
 *     | <-- gone {peerId} ---------------------------- |  is no member any more
 *     | -- addresses {addresses} --------------------> |  the agent's own addresses changed
 *
 *   frame:   u32 length | JSON object {"type": ..., ...}      lengths are big endian, 1 to MAX_..._FRAME_BYTES
 *   address: multiaddr of host and port, e.g. /ip4/1.2.3.4/tcp/20008
 * ```
 *
 * Messages of an unknown type are skipped, so that a later version may add some. An agent stays in the registry while
 * the stream lasts; it stays a member afterwards.
 */
export const REGISTRY_PROTOCOL = '/edgeway/registry/1.0.0'

/** Of the fields of `join`: the server refuses what it does not know. */
export const REGISTRY_VERSION = 1

export const AGENT_FRAMES: FrameFormat = { prefixBytes: 4, maxBytes: 16 * 1024 }
/** A welcome of `MAX_MEMBERS`, whatever their names; of 20,000 as they are. */
export const SERVER_FRAMES: FrameFormat = { prefixBytes: 4, maxBytes: 4 * 1024 * 1024 }

/** A member: the peer that speaks for a node, and where it can be dialled (often nowhere: behind a NAT). */
export interface PeerRecord {
  readonly node: NodeName
  readonly peerId: string
  readonly addresses: readonly string[]
}

export interface Join {
  readonly type: 'join'
  readonly version: number
  readonly node: NodeName
  /** The secret of the join token. */
  readonly token: string
  readonly addresses: readonly string[]
}

export type AgentMessage = Join | { readonly type: 'addresses'; readonly addresses: readonly string[] }

export type ServerMessage =
  | { readonly type: 'welcome'; readonly peers: readonly PeerRecord[] }
  | { readonly type: 'refused'; readonly reason: JoinRefusal; readonly message: string }
  | ({ readonly type: 'peer' } & PeerRecord)
  | { readonly type: 'gone'; readonly peerId: string }

/** Of a server: more are not let in. */
export const MAX_MEMBERS = 10_000
/** Of a node: the first ones count where it has more. */
export const MAX_ADDRESSES = 16
const MAX_ADDRESS_LENGTH = 300
const MAX_PEERS = 100_000
// Of an Ed25519 key in base58: 52 characters.
const MAX_PEER_ID_LENGTH = 100

export function encodeAgentMessage(message: AgentMessage): Buffer {
  return encodeFrame(AGENT_FRAMES, Buffer.from(JSON.stringify(message)))
}

export function encodeServerMessage(message: ServerMessage): Buffer {
  return encodeFrame(SERVER_FRAMES, Buffer.from(JSON.stringify(message)))
}

/** Without addresses where they make the frame too large: a relay leads to each member. */
export function encodeWelcome(peers: readonly PeerRecord[]): Buffer {
  try {
    return encodeServerMessage({ type: 'welcome', peers })
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error
    return encodeServerMessage({ type: 'welcome', peers: peers.map((peer) => ({ ...peer, addresses: [] })) })
  }
}

/**
 * @returns `undefined` for a type that this version does not know
 * @throws {ProtocolError} when a field is missing or malformed
 */
export function decodeAgentMessage(payload: Uint8Array): AgentMessage | undefined {
  const object = parseJsonObject(payload)
  const type = textField(object, 'type', 100)
  if (type === 'addresses') return { type, addresses: addressesOf(object) }
  if (type !== 'join') return undefined
  const version = integerField(object, 'version', 1_000_000)
  return {
    type,
    version,
    node: nodeField(object),
    token: textField(object, 'token', 200),
    addresses: addressesOf(object),
  }
}

/** As `decodeAgentMessage`. */
export function decodeServerMessage(payload: Uint8Array): ServerMessage | undefined {
  const object = parseJsonObject(payload)
  const type = textField(object, 'type', 100)
  switch (type) {
    case 'welcome':
      return {
        type,
        peers: arrayField(object, 'peers', MAX_PEERS).map((peer) => peerOf(asObject(peer, 'peer'))),
      }
    case 'refused':
      return { type, reason: refusalOf(object), message: textField(object, 'message', 1_000) }
    case 'peer':
      return { type, ...peerOf(object) }
    case 'gone':
      return { type, peerId: textField(object, 'peerId', MAX_PEER_ID_LENGTH) }
    default:
      return undefined
  }
}

function peerOf(object: JsonObject): PeerRecord {
  return {
    node: nodeField(object),
    peerId: textField(object, 'peerId', MAX_PEER_ID_LENGTH),
    addresses: addressesOf(object),
  }
}

/** Node names are DNS subdomains (RFC 1123). */
export function nodeField(object: JsonObject): NodeName {
  const text = textField(object, 'node', 253)
  if (!/^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/.test(text)) throw new ProtocolError('field node is not a node name')
  return text as NodeName
}

function addressesOf(object: JsonObject): string[] {
  return arrayField(object, 'addresses', MAX_ADDRESSES).map((address) => {
    if (typeof address === 'string' && address.length <= MAX_ADDRESS_LENGTH) return address
    throw new ProtocolError('an address is not a text')
  })
}

/** A reason of a newer server reads as `bad-request`; its message says more. */
function refusalOf(object: JsonObject): JoinRefusal {
  const text = textField(object, 'reason', 100)
  return JOIN_REFUSALS.find((reason) => reason === text) ?? 'bad-request'
}
