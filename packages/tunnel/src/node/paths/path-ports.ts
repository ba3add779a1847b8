import type { Connection } from '@libp2p/interface'
import type { PunchFailure } from '../punching/punch-result.ts'
import type { PeerPaths } from './ways/candidates.ts'

/** What was heard of peers on this LAN. */
export interface NeighbourAddresses {
  /** Multiaddrs on this LAN at which that peer announced itself. */
  addressesOf(peerId: string): readonly string[]
  /** Somebody else answered there. */
  refuted(peerId: string, address: string): void
}

/** Why punching would be of no use now. */
export type PunchingObstacle = 'useless' | 'no-reflector' | 'turned-off'

export type PunchOutcome =
  | { readonly kind: 'punched'; readonly connection: Connection }
  | { readonly kind: 'failed'; readonly reason?: PunchFailure; readonly message: string }

/** Makes direct connections through NATs. */
export interface HolePuncher {
  obstacle(peer: Pick<PeerPaths, 'peerId' | 'nat'>): PunchingObstacle | undefined
  /** Signals over that open connection. Never rejects. */
  punch(peer: Pick<PeerPaths, 'peerId' | 'nat'>, over: Connection, signal: AbortSignal): Promise<PunchOutcome>
}

/** Where neighbours are not looked for. */
export const NO_NEIGHBOURS: NeighbourAddresses = { addressesOf: () => [], refuted: () => {} }

/** Where punching is turned off. */
export const NO_PUNCHER: HolePuncher = {
  obstacle: () => 'turned-off',
  punch: async () => ({ kind: 'failed', message: 'hole punching is turned off' }),
}
