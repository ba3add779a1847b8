import { isIPv6 } from 'node:net'
import type { NodeName } from '@edgeway/core'
import type { Multiaddr } from '@multiformats/multiaddr'
import { parsePeerAddress } from '../../../addresses.ts'
import type { NatType } from '../../../nat-type.ts'

/** What a path to a peer is chosen by: a part of its record. */
export interface PeerPaths {
  readonly peerId: string
  readonly node: NodeName
  /** Multiaddrs on its own network: host and TCP port. */
  readonly lan: readonly string[]
  /** Multiaddrs that mean the same host everywhere. */
  readonly direct: readonly string[]
  /** Public IP addresses that tunnel servers see it come from. */
  readonly egress: readonly string[]
  /** The tunnel servers that it holds reservations at, with its round-trip time to each. */
  readonly relays: readonly { readonly peerId: string; readonly rttMs: number }[]
  readonly nat: NatType
}

export interface OwnPlace {
  /** Multiaddrs that this node listens at itself: nobody else is reached there. */
  readonly listening: ReadonlySet<string>
  readonly egress: readonly string[]
  /** LAN addresses are tried wherever the peer is. */
  readonly usePrivateAddresses: boolean
}

/**
 * The addresses to dial a peer at, nearest first; what can't be read is left out. LAN addresses only where the peer may
 * be on this LAN: another site may have the same ones, where a stranger would be dialled in vain. What is an address of this
 * node, too, leads nowhere else: bridges of pods have the same one on every node.
 */
export function candidatesOf(peer: PeerPaths, own: OwnPlace): Multiaddr[] {
  const isNear = own.usePrivateAddresses || maySharePlace(own.egress, peer.egress)
  const texts = isNear ? [...peer.lan, ...peer.direct] : peer.direct
  return [...new Set(texts).difference(own.listening)]
    .map(parsePeerAddress)
    .filter((address) => address !== undefined)
}

/**
 * True unless both sides are known to come from different places: there is an address of one family for each, and none in
 * common. In IPv6 every host has an address of its own, so the subnet is compared.
 */
export function maySharePlace(own: readonly string[], other: readonly string[]): boolean {
  const [ownPlaces, otherPlaces] = [own.map(placeOf), other.map(placeOf)]
  if (ownPlaces.some((place) => otherPlaces.includes(place))) return true
  const isComparable = ownPlaces.some((place) =>
    otherPlaces.some((each) => each.includes(':') === place.includes(':')),
  )
  return !isComparable
}

/** Whether a node that comes from those addresses may come from that one, too. In IPv6 one of the same subnet will do. */
export function isOfPlace(ip: string, egress: readonly string[]): boolean {
  const place = placeOf(ip)
  return egress.some((each) => placeOf(each) === place)
}

/** An IPv4 address as it is, of an IPv6 address the first 64 bits. */
function placeOf(ip: string): string {
  if (!isIPv6(ip)) return ip
  const [head = '', tail] = ip.toLowerCase().split('::')
  const groups = head === '' ? [] : head.split(':')
  const last = tail === undefined || tail === '' ? [] : tail.split(':')
  const zeros = tail === undefined ? [] : Array.from({ length: 8 - groups.length - last.length }, () => '0')
  const all = [...groups, ...zeros, ...last].slice(0, 4)
  return `${all.map((group) => Number.parseInt(group, 16).toString(16)).join(':')}::`
}
