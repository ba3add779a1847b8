/** A client, between those that were noted before and after it. */
interface Entry {
  readonly client: string
  endpoint: string
  at: number
  older: Entry | undefined
  newer: Entry | undefined
}

export interface RecentClientsLimits {
  readonly timeoutMs: number
  /** When there are more, the one that was noted longest ago is forgotten. */
  readonly maxClients: number
}

/** Two would do for it to catch up with new ones. More at once would hold up a single flow. */
const FORGOTTEN_AT_ONCE = 8

/**
 * Remembers each client's endpoint until it was not noted for the timeout. A list in the order in which they were noted
 * last, so that each step takes as long with one client as with all that it may remember.
 */
export class RecentClients {
  readonly #limits: RecentClientsLimits
  readonly #entries = new Map<string, Entry>()
  #oldest: Entry | undefined
  #newest: Entry | undefined

  constructor(limits: RecentClientsLimits) {
    this.#limits = limits
  }

  get size(): number {
    return this.#entries.size
  }

  /** @param now - milliseconds of a clock that never goes back */
  endpointOf(client: string, now: number): string | undefined {
    const entry = this.#entries.get(client)
    return entry === undefined || this.#isExpired(entry, now) ? undefined : entry.endpoint
  }

  /** The timeout counts anew from now. */
  note(client: string, endpoint: string, now: number): void {
    const known = this.#entries.get(client)
    if (known === undefined) {
      const entry = { client, endpoint, at: now, older: undefined, newer: undefined }
      this.#entries.set(client, entry)
      this.#append(entry)
    } else {
      known.endpoint = endpoint
      known.at = now
      this.#unlink(known)
      this.#append(known)
    }
    this.#forgetOld(now)
  }

  #forgetOld(now: number): void {
    for (let left = FORGOTTEN_AT_ONCE; left > 0 && this.#oldest !== undefined; left--) {
      if (this.size <= this.#limits.maxClients && !this.#isExpired(this.#oldest, now)) return
      this.#entries.delete(this.#oldest.client)
      this.#unlink(this.#oldest)
    }
  }

  #isExpired({ at }: Entry, now: number): boolean {
    return now - at >= this.#limits.timeoutMs
  }

  #append(entry: Entry): void {
    entry.older = this.#newest
    if (this.#newest === undefined) this.#oldest = entry
    else this.#newest.newer = entry
    this.#newest = entry
  }

  #unlink(entry: Entry): void {
    const { older, newer } = entry
    if (older === undefined) this.#oldest = newer
    else older.newer = newer
    if (newer === undefined) this.#newest = older
    else newer.older = older
    entry.older = undefined
    entry.newer = undefined
  }
}
