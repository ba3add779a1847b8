import { ByteRate } from './byte-rate.ts'

/** What one member may have of a relay. Nothing is counted by IP address: a whole site is one address. */
export interface RelayQuota {
  /** Circuits that it asked for and that stand; those that others have to it count for them. */
  readonly circuitsPerMember: number
  /** Through all circuits of a member, in both directions together; 0: not limited. */
  readonly bitsPerSecondPerMember: number
  /** Connections of it that hold a reservation: one is in use, others may be dead without anybody having noticed yet. */
  readonly reservationsPerMember: number
}

export const DEFAULT_RELAY_QUOTA: RelayQuota = {
  // All flows to a peer share one circuit, so this is how many nodes one node talks to through this relay: all others of a
  // mesh of 1,000, twice while circuits are replaced. One that is idle costs the relay some 15 KiB.
  circuitsPerMember: 2_000,
  bitsPerSecondPerMember: 0,
  reservationsPerMember: 8,
}

/** As long as a member may use the whole bandwidth of the relay after it used none. */
const BURST_MS = 500

interface Use {
  /** That the member asked for. */
  circuits: number
  /** Of circuits that it asked for or took. */
  ends: number
  readonly rate: ByteRate | undefined
}

/** What each member has of its quota at this moment; a member without a circuit is forgotten. */
export class QuotaUse {
  readonly #quota: RelayQuota
  /** By PeerId. */
  readonly #uses = new Map<string, Use>()

  constructor(quota: RelayQuota) {
    this.#quota = quota
  }

  /** A circuit of both; `undefined` when who asks for it has as many as it may. To be ended exactly once. */
  open(from: string, to: string): CircuitUse | undefined {
    const asker = this.#use(from)
    if (asker.circuits >= this.#quota.circuitsPerMember) {
      this.#forget(from, asker)
      return undefined
    }
    const taker = this.#use(to)
    asker.circuits++
    asker.ends++
    taker.ends++
    const rates = [asker.rate, taker.rate].filter((rate) => rate !== undefined)
    return {
      waitAfter:
        rates.length === 0 ? undefined : (bytes) => Math.max(...rates.map((rate) => rate.take(bytes))),
      end: () => {
        asker.circuits--
        asker.ends--
        taker.ends--
        this.#forget(from, asker)
        this.#forget(to, taker)
      },
    }
  }

  /** How many members have a circuit. */
  get size(): number {
    return this.#uses.size
  }

  #use(peerId: string): Use {
    const existing = this.#uses.get(peerId)
    if (existing !== undefined) return existing
    const { bitsPerSecondPerMember } = this.#quota
    const rate = bitsPerSecondPerMember > 0 ? new ByteRate(bitsPerSecondPerMember, BURST_MS) : undefined
    const use: Use = { circuits: 0, ends: 0, rate }
    this.#uses.set(peerId, use)
    return use
  }

  #forget(peerId: string, use: { readonly ends: number }): void {
    if (use.ends === 0 && this.#uses.get(peerId) === use) this.#uses.delete(peerId)
  }
}

export interface CircuitUse {
  /** How many milliseconds to read nothing more after so many bytes; `undefined` where bandwidth is not limited. */
  readonly waitAfter: ((bytes: number) => number) | undefined
  end(): void
}
