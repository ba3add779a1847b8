import type { PeerPaths } from './ways/candidates.ts'

/** A peer that was called counts as in use that long, and as long as flows to it are open. */
const IN_USE_MS = 60_000

interface UsedPeer {
  readonly peer: PeerPaths
  readonly calledAt: number
}

/** The peers that this node calls: only for those is anything done. */
export class UsedPeers {
  readonly #hasFlows: (peerId: string) => boolean
  /** By PeerId. */
  readonly #peers = new Map<string, UsedPeer>()

  /** @param hasFlows - whether flows that this node opened to that peer are open */
  constructor(hasFlows: (peerId: string) => boolean) {
    this.#hasFlows = hasFlows
  }

  /** @returns whether that is news: the peer was not in use, or another record of it is known by now */
  called(peer: PeerPaths): boolean {
    const known = this.#peers.get(peer.peerId)
    this.#peers.set(peer.peerId, { peer, calledAt: performance.now() })
    return known?.peer !== peer
  }

  /** Another record of it is known. @returns whether it is in use */
  changed(peer: PeerPaths): boolean {
    const known = this.#peers.get(peer.peerId)
    if (known !== undefined) this.#peers.set(peer.peerId, { ...known, peer })
    return known !== undefined
  }

  /** `undefined` for one that is not in use. */
  get(peerId: string): PeerPaths | undefined {
    return this.#peers.get(peerId)?.peer
  }

  all(): PeerPaths[] {
    return [...this.#peers.values()].map(({ peer }) => peer)
  }

  /** Drops those that are not in use any more, and returns their PeerIds. */
  review(): string[] {
    const now = performance.now()
    const unused = [...this.#peers]
      .filter(([peerId, { calledAt }]) => now - calledAt >= IN_USE_MS && !this.#hasFlows(peerId))
      .map(([peerId]) => peerId)
    for (const peerId of unused) this.#peers.delete(peerId)
    return unused
  }

  forget(peerId: string): void {
    this.#peers.delete(peerId)
  }
}
