const MS_PER_OFFER = 20_000
const BURST = 6
const MAX_PEERS = 10_000

/** How often each peer may offer: 3 times a minute, 6 at once after a pause. Each offer makes this node ask reflectors and dial. */
export class OfferLimit {
  readonly #now: () => number
  /** By PeerId: when all that it took is paid for. */
  readonly #paidAt = new Map<string, number>()

  /** @param now - milliseconds of a clock that never goes back */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now
  }

  /** Takes one of the peer's offers, if it has one left. */
  take(peerId: string): boolean {
    const now = this.#now()
    const paidAt = Math.max(this.#paidAt.get(peerId) ?? 0, now) + MS_PER_OFFER
    if (paidAt - now > BURST * MS_PER_OFFER) return false
    // Those that came latest stand last.
    this.#paidAt.delete(peerId)
    this.#forgetPaid(now)
    this.#paidAt.set(peerId, paidAt)
    return true
  }

  #forgetPaid(now: number): void {
    for (const [peerId, paidAt] of this.#paidAt) {
      if (paidAt > now && this.#paidAt.size < MAX_PEERS) return
      this.#paidAt.delete(peerId)
    }
  }
}
