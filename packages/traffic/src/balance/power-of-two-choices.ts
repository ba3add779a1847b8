import type { Balancer, Candidate } from './balancer.ts'
import { atWeight, totalWeight } from './weights.ts'

/** What an endpoint counts for that is called for the first time just now: others wait to see how it does. */
const UNMEASURED_MS = 1_000

/**
 * Looks at two endpoints at random, each as often as its weight says, and chooses the one that costs less: it connects
 * sooner and has fewer flows for its weight. Two are enough to stay away from the slow ones, and few enough that not
 * all nodes run to the one that looks best.
 *
 * @see Mitzenmacher 2001, "The Power of Two Choices in Randomized Load Balancing"
 */
export class PowerOfTwoChoices implements Balancer {
  readonly #random: () => number

  /** @param random - from 0 to below 1, evenly */
  constructor(random: () => number) {
    this.#random = random
  }

  pick<Item extends Candidate>(candidates: readonly [Item, ...Item[]]): Item {
    const total = totalWeight(candidates)
    const one = atWeight(candidates, this.#random() * total)
    const other = atWeight(candidates, this.#random() * (total - one.weight), one)
    return costOf(other) < costOf(one) ? other : one
  }
}

function costOf({ connectMs, openFlows, weight }: Candidate): number {
  // Not measured and not being tried: tried as soon as it is looked at.
  if (connectMs === undefined && openFlows === 0) return 0
  return ((connectMs ?? UNMEASURED_MS) * (openFlows + 1)) / weight
}
