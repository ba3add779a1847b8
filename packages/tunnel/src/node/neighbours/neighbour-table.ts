import type { Announcement } from './service.ts'

/** More are not kept: each costs memory on every node of the LAN. */
export const MAX_NEIGHBOURS = 1_024
/** Of one peer: it may have several interfaces on this LAN, or have got another address. */
export const MAX_ADDRESSES_OF_NEIGHBOUR = 4
/**
 * Where somebody else answered is not believed for a while: doubled each time, as who forges a packet or two of ARP does not
 * cut off the true peer for long.
 */
const REFUTED_MS = { first: 60_000, max: 3_600_000 }
const MAX_REFUTED = 4_096
/** Shares of its time after which a record is asked for again (RFC 6762 section 5.2). */
const REFRESH_AT = [0.8, 0.85, 0.9, 0.95] as const

/** `known`: nothing new. `spoofed`: somebody else was found there. `full`: there are too many others. */
export type Noted = 'new' | 'known' | 'spoofed' | 'full'

interface Sighting {
  readonly seenAt: number
  readonly ttlMs: number
  /** How often it was asked for since. */
  refreshes: number
}

interface Refutation {
  readonly peerId: string
  readonly until: number
  readonly forMs: number
  /** Whether the peer was asked for since. */
  isAsked: boolean
}

/**
 * Which peers announced themselves at which addresses. Bounded, whatever comes. Times are in ms of a monotonic clock.
 */
export class NeighbourTable {
  /** By PeerId, then by multiaddr, in the order of their first sighting. */
  readonly #neighbours = new Map<string, Map<string, Sighting>>()
  /** By peer and address; the oldest first. */
  readonly #refuted = new Map<string, Refutation>()
  readonly #isMember: (peerId: string) => boolean

  /** @param isMember - whether the peer is one of those that this node knows: those go before others */
  constructor(isMember: (peerId: string) => boolean) {
    this.#isMember = isMember
  }

  get size(): number {
    return this.#neighbours.size
  }

  peerIds(): string[] {
    return [...this.#neighbours.keys()]
  }

  /** The last seen first. */
  addressesOf(peerId: string): string[] {
    const sightings = [...(this.#neighbours.get(peerId) ?? [])]
    return sightings.toSorted(([, a], [, b]) => b.seenAt - a.seenAt).map(([address]) => address)
  }

  note({ peerId, ttlSeconds }: Announcement, address: string, now: number): Noted {
    if ((this.#refuted.get(keyOf(peerId, address))?.until ?? 0) > now) return 'spoofed'
    const sightings = this.#neighbours.get(peerId) ?? this.#admit(peerId)
    if (sightings === undefined) return 'full'
    const isKnown = sightings.has(address)
    // What was there first stays: a liar can't drive out the true address.
    const youngest = [...sightings.keys()].at(-1)
    if (!isKnown && sightings.size >= MAX_ADDRESSES_OF_NEIGHBOUR && youngest !== undefined)
      sightings.delete(youngest)
    sightings.set(address, { seenAt: now, ttlMs: ttlSeconds * 1_000, refreshes: 0 })
    return isKnown ? 'known' : 'new'
  }

  /** @returns whether it was there */
  remove(peerId: string, address: string): boolean {
    const sightings = this.#neighbours.get(peerId)
    const isThere = sightings?.delete(address) === true
    if (sightings?.size === 0) this.#neighbours.delete(peerId)
    return isThere
  }

  /** Not believed for a minute, doubled up to an hour when it happens again. @returns whether it was there */
  refute(peerId: string, address: string, now: number): boolean {
    const key = keyOf(peerId, address)
    const before = this.#refuted.get(key)
    const forMs = Math.min(before === undefined ? REFUTED_MS.first : before.forMs * 2, REFUTED_MS.max)
    this.#refuted.delete(key)
    this.#refuted.set(key, { peerId, forMs, until: now + forMs, isAsked: false })
    const [oldest] = this.#refuted.keys()
    if (this.#refuted.size > MAX_REFUTED && oldest !== undefined) this.#refuted.delete(oldest)
    return this.remove(peerId, address)
  }

  /** Removes those whose time is over, and those that are not wanted. @returns the peers that lost an address */
  prune(now: number, isWanted: (address: string) => boolean): string[] {
    const lost = new Set<string>()
    for (const [peerId, sightings] of [...this.#neighbours]) {
      for (const [address, { seenAt, ttlMs }] of [...sightings]) {
        if (now < seenAt + ttlMs && isWanted(address)) continue
        this.remove(peerId, address)
        lost.add(peerId)
      }
    }
    return [...lost]
  }

  /**
   * Up to `max` peers whose announcement is to be asked for again now. Each is told four times in all, and once when what was
   * refuted may be believed again: the true peer has no other reason to say something.
   */
  due(now: number, max: number): string[] {
    const due = new Set<string>()
    for (const [peerId, sightings] of this.#neighbours) {
      if (due.size >= max) break
      for (const sighting of sightings.values()) {
        const share = REFRESH_AT[sighting.refreshes]
        if (share === undefined || now < sighting.seenAt + sighting.ttlMs * share) continue
        sighting.refreshes++
        due.add(peerId)
      }
    }
    for (const peerId of this.#believedAgain(now, max - due.size)) due.add(peerId)
    return [...due]
  }

  /** Each once. */
  #believedAgain(now: number, max: number): string[] {
    const over = [...this.#refuted.values()].filter(({ isAsked, until }) => !isAsked && now >= until)
    const some = over.slice(0, Math.max(max, 0))
    for (const refutation of some) refutation.isAsked = true
    return some.map(({ peerId }) => peerId)
  }

  #admit(peerId: string): Map<string, Sighting> | undefined {
    if (this.size >= MAX_NEIGHBOURS) {
      const stranger = this.#isMember(peerId)
        ? this.peerIds().find((each) => !this.#isMember(each))
        : undefined
      if (stranger === undefined) return undefined
      this.#neighbours.delete(stranger)
    }
    const sightings = new Map<string, Sighting>()
    this.#neighbours.set(peerId, sightings)
    return sightings
  }
}

function keyOf(peerId: string, address: string): string {
  return `${peerId} ${address}`
}
