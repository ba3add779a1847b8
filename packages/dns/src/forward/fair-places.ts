import { clientKey } from '../listen/client-key.ts'

/**
 * Places for those who wait. A client that has some gets another one only while more are free than it has: one alone
 * gets half of them, and whatever it does some are left for others.
 */
export class FairPlaces {
  readonly #max: number
  readonly #taken = new Map<string, number>()
  #size = 0

  /** @param max - places of all clients together */
  constructor(max: number) {
    this.#max = max
  }

  /**
   * @param address - the client's; `undefined` for those that have none
   * @returns how the place is given back, at most once; `undefined` where the client gets none
   */
  take(address: string | undefined): (() => void) | undefined {
    const client = address === undefined ? '' : clientKey(address)
    const own = this.#taken.get(client) ?? 0
    if (own >= this.#max - this.#size) return undefined
    this.#taken.set(client, own + 1)
    this.#size++
    return () => this.#giveBack(client)
  }

  #giveBack(client: string): void {
    const own = this.#taken.get(client) ?? 0
    this.#size--
    if (own > 1) this.#taken.set(client, own - 1)
    else this.#taken.delete(client)
  }
}
