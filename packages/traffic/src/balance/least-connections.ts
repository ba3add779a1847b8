import type { Balancer, Candidate } from './balancer.ts'

/** Chooses the endpoint with the fewest open flows for its weight; of several, one at random, as often as its weight says. */
export class LeastConnections implements Balancer {
  readonly #random: () => number

  /** @param random - from 0 to below 1, evenly */
  constructor(random: () => number) {
    this.#random = random
  }

  pick<Item extends Candidate>(candidates: readonly [Item, ...Item[]]): Item {
    let least = candidates[0]
    let tiedWeight = 0
    for (const candidate of candidates) {
      const more = moreLoaded(candidate, least)
      if (more < 0) {
        least = candidate
        tiedWeight = candidate.weight
      } else if (more === 0) tiedWeight += candidate.weight
    }
    let rest = this.#random() * tiedWeight
    for (const candidate of candidates) {
      if (moreLoaded(candidate, least) !== 0) continue
      rest -= candidate.weight
      if (rest < 0) return candidate
    }
    return least
  }
}

/** Whether `a` has more flows for its weight: negative, 0 or positive. Exact, since it does not divide. */
function moreLoaded(a: Candidate, b: Candidate): number {
  return a.openFlows * b.weight - b.openFlows * a.weight
}
