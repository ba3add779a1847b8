import { type Connection, NotFoundError, type PeerId, type Stream } from '@libp2p/interface'
import type { KadDHTComponents } from '@libp2p/kad-dht'
import { type Multiaddr, multiaddr } from '@multiformats/multiaddr'
import type { Libp2p } from 'libp2p'

/** Serves an inbound stream. */
export type KadHandler = (stream: Stream, connection: Connection) => Promise<void>

/** What kad-dht gets in place of libp2p's own parts. */
export interface KadSurroundings {
  readonly node: Pick<Libp2p, 'peerId' | 'logger'>
  /** Opens a stream to a member that there is a connection to; rejects when there is none. */
  openStream(peer: PeerId, signal: AbortSignal): Promise<Stream>
  /** Whether there is a connection to that member now; others are not asked. */
  isConnected(peerId: string): boolean
  /** What is stored under a key of the DHT, in kad-dht's form. */
  stored(key: Uint8Array): Uint8Array | undefined
  /** Takes kad-dht's handler for inbound streams. */
  handle(handler: KadHandler): void
}

/**
 * kad-dht with parts of our own, so that nothing happens that the mesh did not ask for: no dials (libp2p's would go
 * around the paths of the mesh), no pings, no tags in the peer store that make libp2p keep connections, nothing stored
 * but what the peer book takes. Peers are told to others by PeerId only; where they are, their signed records say.
 *
 * Only the methods that kad-dht 16.4 calls are there.
 */
export function kadComponents(surroundings: KadSurroundings): KadDHTComponents {
  const { node } = surroundings
  const parts = {
    peerId: node.peerId,
    logger: node.logger,
    events: new EventTarget(),
    addressManager: { getAddresses: () => [] },
    registrar: registrarOf(surroundings),
    connectionManager: connectionManagerOf(surroundings),
    ping: pingOf(surroundings),
    peerStore: peerStoreOf(surroundings),
    datastore: datastoreOf(surroundings),
  }
  // libp2p's interfaces have many more methods.
  return parts as unknown as KadDHTComponents
}

function registrarOf({ handle }: KadSurroundings) {
  return {
    handle: async (_protocol: string, handler: KadHandler) => handle(handler),
    unhandle: async () => {},
    // It would tell of peers that speak the protocol; the mesh knows its members.
    register: async () => 'none',
    unregister: () => {},
  }
}

function connectionManagerOf({ openStream, isConnected }: KadSurroundings) {
  return {
    openStream: (peer: PeerId, _protocol: string, { signal }: { readonly signal: AbortSignal }) =>
      openStream(peer, signal),
    isDialable: async (addresses: readonly Multiaddr[]) =>
      addresses.some((each) => isConnected(peerOf(each))),
  }
}

function pingOf({ isConnected }: KadSurroundings) {
  return {
    ping: async (peer: PeerId) => {
      if (!isConnected(peer.toString())) throw new NotFoundError('there is no connection to the peer')
      return 0
    },
  }
}

function peerStoreOf({ isConnected }: KadSurroundings) {
  return {
    get: async () => {
      throw new NotFoundError('addresses are in signed records only')
    },
    getInfo: async (id: PeerId) => {
      if (!isConnected(id.toString())) throw new NotFoundError('there is no connection to the peer')
      return { id, multiaddrs: [multiaddr(`/p2p/${id}`)] }
    },
    merge: async () => {},
    all: async () => [],
  }
}

function datastoreOf({ stored }: KadSurroundings) {
  return {
    get: async (key: { toString(): string }) => {
      const value = stored(keyBytes(key.toString()))
      if (value === undefined) throw new NotFoundError('no record is known')
      return value
    },
    // What the validator let pass is in the peer book already; nothing else is kept.
    put: async () => {},
    delete: async () => {},
    query: async function* () {},
  }
}

function peerOf(address: Multiaddr): string {
  const last = address.getComponents().at(-1)
  return last?.name === 'p2p' ? (last.value ?? '') : ''
}

const BASE32 = 'abcdefghijklmnopqrstuvwxyz234567'

/** The key of the DHT in a datastore key: its last part, in base32. @see RFC 4648, section 6 */
function keyBytes(datastoreKey: string): Buffer {
  const bytes: number[] = []
  let bits = 0
  let value = 0
  for (const digit of datastoreKey.slice(datastoreKey.lastIndexOf('/') + 1)) {
    value = ((value << 5) | BASE32.indexOf(digit)) & 0xfff
    bits += 5
    if (bits < 8) continue
    bits -= 8
    bytes.push((value >> bits) & 0xff)
  }
  return Buffer.from(bytes)
}
