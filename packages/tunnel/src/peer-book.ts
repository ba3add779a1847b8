import type { NodeName } from '@edgeway/core'
import type { PeerRecord } from './protocol/registry.ts'

/** What one tunnel server says, indexed both ways. */
interface ServerView {
  readonly byPeerId: Map<string, PeerRecord>
  /** A node has one peer: the last that the server named. */
  readonly byNode: Map<NodeName, PeerRecord>
}

/**
 * Which peer speaks for which node, as the tunnel servers say. What a server has said stays when the server goes away:
 * only the server itself takes it back.
 */
export class PeerBook {
  /** By the server's PeerId; the one that spoke last is the last one. */
  readonly #views = new Map<string, ServerView>()
  readonly #waiting = new Map<string, Set<() => void>>()
  readonly #removed: (peerId: string) => void

  /** @param removed - called for each PeerId that no server vouches for any more */
  constructor(removed: (peerId: string) => void = () => {}) {
    this.#removed = removed
  }

  get size(): number {
    return new Set(this.#views.values().flatMap(({ byPeerId }) => byPeerId.keys())).size
  }

  byPeerId(peerId: string): PeerRecord | undefined {
    for (const view of this.#views.values()) {
      const peer = view.byPeerId.get(peerId)
      if (peer !== undefined) return peer
    }
    return undefined
  }

  /** As the server says that spoke last: one that is away does not know of new keys and addresses. */
  byNode(node: NodeName): PeerRecord | undefined {
    let last: PeerRecord | undefined
    for (const view of this.#views.values()) last = view.byNode.get(node) ?? last
    return last
  }

  /** The server's whole word, in place of all that it said before. */
  replace(server: string, peers: readonly PeerRecord[]): void {
    const before = this.#views.get(server)
    this.#views.delete(server)
    this.#views.set(server, { byPeerId: new Map(), byNode: new Map() })
    for (const peer of peers) this.set(server, peer)
    for (const peerId of before?.byPeerId.keys() ?? []) this.#notifyIfGone(peerId)
  }

  set(server: string, peer: PeerRecord): void {
    const view = this.#views.get(server) ?? { byPeerId: new Map(), byNode: new Map() }
    this.#views.delete(server)
    this.#views.set(server, view)
    view.byPeerId.set(peer.peerId, peer)
    view.byNode.set(peer.node, peer)
    for (const resolve of this.#waiting.get(peer.peerId) ?? []) resolve()
  }

  remove(server: string, peerId: string): void {
    const view = this.#views.get(server)
    const peer = view?.byPeerId.get(peerId)
    if (view === undefined || peer === undefined) return
    view.byPeerId.delete(peerId)
    if (view.byNode.get(peer.node) === peer) view.byNode.delete(peer.node)
    this.#notifyIfGone(peerId)
  }

  /** The peer, once the registry told of it; `undefined` when it did not within `timeoutMs`. */
  async waitFor(peerId: string, timeoutMs: number): Promise<PeerRecord | undefined> {
    const known = this.byPeerId(peerId)
    if (known !== undefined) return known

    const { promise, resolve } = Promise.withResolvers<void>()
    const waiting = this.#waiting.get(peerId) ?? new Set()
    this.#waiting.set(peerId, waiting.add(resolve))
    const timer = setTimeout(resolve, timeoutMs)
    await promise
    clearTimeout(timer)
    waiting.delete(resolve)
    if (waiting.size === 0 && this.#waiting.get(peerId) === waiting) this.#waiting.delete(peerId)
    return this.byPeerId(peerId)
  }

  #notifyIfGone(peerId: string): void {
    if (this.byPeerId(peerId) === undefined) this.#removed(peerId)
  }
}
