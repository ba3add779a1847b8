import { clientKey } from './client-key.ts'

/** How long a client may exceed its rate twofold after a silence, in seconds: what it may ask at once. */
const BURST_SECONDS = 2

/** Of the queries above the rate every such one is answered, truncated: real clients then come over TCP. */
const SLIP = 2

/** Clients that are remembered, in each of the two generations: 2 MB at most. */
const MAX_CLIENTS = 8_192

/** What becomes of a query: answered, answered truncated, or not at all. */
export type RateVerdict = 'answer' | 'truncate' | 'drop'

interface Bucket {
  /** Answers that the client may still have at once. */
  tokens: number
  /** When they were counted, in milliseconds. */
  countedAt: number
  /** Queries above the rate. */
  excess: number
}

/**
 * Bounds the answers per client over UDP, whose senders can be forged: a token bucket each. The number of clients that
 * it remembers is bounded; those not heard of for longest are forgotten first.
 */
export class ClientRate {
  readonly #perMs: number
  readonly #burst: number
  readonly #now: () => number
  /** Clients heard of lately, and those heard of before them: a cheap order of use. */
  #recent = new Map<string, Bucket>()
  #former = new Map<string, Bucket>()

  /**
   * @param perSecond - answers for each client, above 0
   * @param now - in milliseconds, from any start on, never backwards
   */
  constructor(perSecond: number, now: () => number) {
    this.#perMs = perSecond / 1_000
    this.#burst = perSecond * BURST_SECONDS
    this.#now = now
  }

  /** HOT PATH. Counts a query of the client at `address`. */
  take(address: string): RateVerdict {
    const now = this.#now()
    const bucket = this.#bucketOf(clientKey(address), now)
    const tokens = Math.min(this.#burst, bucket.tokens + (now - bucket.countedAt) * this.#perMs)
    bucket.countedAt = now
    if (tokens >= 1) {
      bucket.tokens = tokens - 1
      return 'answer'
    }
    bucket.tokens = tokens
    bucket.excess++
    return bucket.excess % SLIP === 0 ? 'truncate' : 'drop'
  }

  /** How many clients it remembers. */
  get clients(): number {
    return this.#recent.size + this.#former.size
  }

  #bucketOf(client: string, now: number): Bucket {
    const recent = this.#recent.get(client)
    if (recent !== undefined) return recent
    const bucket = this.#former.get(client) ?? { tokens: this.#burst, countedAt: now, excess: 0 }
    this.#former.delete(client)
    if (this.#recent.size >= MAX_CLIENTS) {
      this.#former = this.#recent
      this.#recent = new Map()
    }
    this.#recent.set(client, bucket)
    return bucket
  }
}
