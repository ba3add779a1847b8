import type { Multiaddr } from '@multiformats/multiaddr'
import { isPublic, parsePeerAddress } from '../../../addresses.ts'
import { formatNatType } from '../../../nat-type.ts'
import type { NeighbourAddresses } from '../path-ports.ts'
import { candidatesOf, maySharePlace, type PeerPaths } from './candidates.ts'
import { type JoinedRelay, rankRelays } from './relay-choice.ts'

export interface WaysDeps {
  relays(): readonly JoinedRelay[]
  /** Public IP addresses that tunnel servers see this node come from. */
  egress(): readonly string[]
  /** Multiaddrs that this node listens at. */
  listening(): ReadonlySet<string>
  readonly neighbours: NeighbourAddresses
  /** LAN addresses are tried wherever the peer is. */
  readonly usePrivateAddresses: boolean
}

/** An address at which a peer may be dialled, and the path that it makes. */
export interface Candidate {
  readonly address: Multiaddr
  readonly kind: 'lan' | 'direct'
}

/** The public addresses that this node comes from, and the PeerIds of its relays. */
export interface OwnPlaces {
  readonly egress: ReadonlySet<string>
  readonly relays: ReadonlySet<string>
}

/** A peer that announces more on one LAN has them left out. */
const MAX_NEIGHBOUR_ADDRESSES = 8

/** The ways that there may be to a peer, by what is known of both sides now. */
export class Ways {
  readonly #deps: WaysDeps

  constructor(deps: WaysDeps) {
    this.#deps = deps
  }

  /** Nearest first: what the peer announced on this LAN, wherever it seems to come from, then its own record's. */
  candidates(peer: PeerPaths): Candidate[] {
    const { egress, listening, neighbours, usePrivateAddresses } = this.#deps
    const own = { egress: egress(), listening: listening(), usePrivateAddresses }
    const announced = [...new Set(neighbours.addressesOf(peer.peerId)).difference(own.listening)]
      .slice(0, MAX_NEIGHBOUR_ADDRESSES)
      .map(parsePeerAddress)
      .filter((address) => address !== undefined)
    const heard = new Set(announced.map(String))
    const recorded = candidatesOf(peer, own).filter((address) => !heard.has(address.toString()))
    return [...announced, ...recorded].map((address) => ({
      address,
      kind: isPublic(address) ? 'direct' : 'lan',
    }))
  }

  /** Best first, see `rankRelays`. */
  relays(peer: PeerPaths, inUse: string | undefined): JoinedRelay[] {
    return rankRelays(this.#deps.relays(), peer.relays, inUse)
  }

  /** Whether LAN addresses of its record are worth an attempt. */
  maySharePlace(peer: PeerPaths): boolean {
    return this.#deps.usePrivateAddresses || maySharePlace(this.#deps.egress(), peer.egress)
  }

  /** Text that is another one when there may be other ways to that peer; round-trip times don't count. */
  editionOf(peer: PeerPaths): string {
    const relays = peer.relays.map(({ peerId }) => peerId).toSorted()
    const announced = this.#deps.neighbours.addressesOf(peer.peerId)
    const parts = [peer.lan, peer.direct, peer.egress, relays, announced, [formatNatType(peer.nat)]]
    return parts.map((part) => part.join()).join(' ')
  }

  /** What of this node itself may open ways to everybody when it is new. */
  ownPlaces(): OwnPlaces {
    return {
      egress: new Set(this.#deps.egress()),
      relays: new Set(this.#deps.relays().map(({ peerId }) => peerId)),
    }
  }
}
