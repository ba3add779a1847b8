import type { Balancer, Candidate } from './balancer.ts'
import { atWeight, totalWeight } from './weights.ts'

/** Chooses at random, each endpoint as often as its weight says. */
export class WeightedRandom implements Balancer {
  readonly #random: () => number

  /** @param random - from 0 to below 1, evenly */
  constructor(random: () => number) {
    this.#random = random
  }

  pick<Item extends Candidate>(candidates: readonly [Item, ...Item[]]): Item {
    return atWeight(candidates, this.#random() * totalWeight(candidates))
  }
}
