import type { Balancer, Candidate } from './balancer.ts'
import { totalWeight } from './weights.ts'

/** What an endpoint has saved up of picks, in units of weight; less than nothing after it was picked. */
interface Credit {
  readonly key: string
  amount: number
}

/** Of endpoints that are not among the candidates, at least so many are remembered: they may be back for the next flow. */
const MIN_ABSENT = 16

/**
 * Smooth weighted round robin: each pick pays every candidate its weight, and takes the sum of all weights from the one
 * that has the most, which is chosen. So one of weight 3 beside one of weight 1 is chosen three times of four, and not
 * three times in a row where others come between. One that is away keeps its credit for a while. New ones begin at a
 * random place in the round: else each node's first flow would meet the same endpoint.
 *
 * @see the "smooth weighted round-robin" of nginx, `ngx_http_upstream_round_robin.c`
 */
export class WeightedRoundRobin implements Balancer {
  readonly #random: () => number
  readonly #credits = new Map<string, Credit>()
  /** Those of the candidates of the pick before, in their order: most often the candidates are the same again. */
  readonly #row: Credit[] = []

  /** @param random - from 0 to below 1 */
  constructor(random: () => number) {
    this.#random = random
  }

  pick<Item extends Candidate>(candidates: readonly [Item, ...Item[]]): Item {
    const total = totalWeight(candidates)
    let best = candidates[0]
    let richest: Credit | undefined
    let index = 0
    for (const candidate of candidates) {
      const credit = this.#creditOf(candidate, index++)
      // What was saved among many, or with other weights, would else be spent in one go among few.
      credit.amount = Math.min(Math.max(credit.amount, -total), total) + candidate.weight
      if (richest !== undefined && credit.amount <= richest.amount) continue
      best = candidate
      richest = credit
    }
    if (richest !== undefined) richest.amount -= total
    this.#forgetAbsent(candidates.length)
    return best
  }

  #creditOf({ key, weight }: Candidate, index: number): Credit {
    const last = this.#row[index]
    if (last?.key === key) return last
    let credit = this.#credits.get(key)
    if (credit === undefined) {
      credit = { key, amount: this.#random() * weight }
      this.#credits.set(key, credit)
    }
    this.#row[index] = credit
    return credit
  }

  #forgetAbsent(present: number): void {
    this.#row.length = present
    if (this.#credits.size <= 2 * present + MIN_ABSENT) return
    this.#credits.clear()
    for (const credit of this.#row) this.#credits.set(credit.key, credit)
  }
}
