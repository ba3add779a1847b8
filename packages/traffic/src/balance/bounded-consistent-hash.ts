import type { Balancer, Candidate } from './balancer.ts'
import { hash32, mix32 } from './hash32.ts'
import { totalWeight } from './weights.ts'

/** No endpoint gets a flow by which it would have more than that times its share of all. */
const MAX_OF_SHARE = 1.25

/** So few open flows overload no endpoint: below, a client's flows stay together whatever the others have. */
const FREE_FLOWS = 16

const HASHES = 2 ** 32

/**
 * Chooses by the client's address: the same client comes to the same endpoint, others as their weights say, as long as
 * the endpoint has room or hardly anything to do; then to the client's next one. Each client has an order of all endpoints (weighted rendezvous
 * hashing), so when one goes or comes, only clients move that it had or gets. Only open flows count, nothing is
 * remembered of clients.
 *
 * @see Thaler and Ravishankar 1998, "Using name-based mappings to increase hit rates"
 * @see Mirrokni, Thorup and Zadimoghaddam 2018, "Consistent Hashing with Bounded Loads"
 */
export class BoundedConsistentHash implements Balancer {
  readonly #freeFlows: number
  /** Of the candidates of the pick before, in their order: most often they are the same again. */
  readonly #keys: string[] = []
  readonly #hashes: number[] = []

  constructor(freeFlows = FREE_FLOWS) {
    this.#freeFlows = freeFlows
  }

  pick<Item extends Candidate>(candidates: readonly [Item, ...Item[]], client: string): Item {
    const clientHash = hash32(client)
    // Known only once a candidate needs it: that is rare.
    let roomPerWeight: number | undefined
    let best = candidates[0]
    let bestDistance = Number.POSITIVE_INFINITY
    let index = 0
    for (const candidate of candidates) {
      const { key, weight } = candidate
      const chance = (mix32(clientHash ^ this.#hashOf(key, index++)) + 0.5) / HASHES
      // A logarithm is dear: -ln(x) is never less than 1 - x, so most candidates are out without.
      if ((1 - chance) / weight >= bestDistance) continue
      // The least of several such is each one's as often as its weight says: distributed exponentially, with the weight as rate.
      const distance = -Math.log(chance) / weight
      if (distance >= bestDistance) continue
      const { openFlows } = candidate
      if (openFlows >= this.#freeFlows) {
        roomPerWeight ??= roomPerWeightOf(candidates)
        if (openFlows >= Math.ceil(roomPerWeight * weight)) continue
      }
      best = candidate
      bestDistance = distance
    }
    return best
  }

  #hashOf(key: string, index: number): number {
    const last = this.#hashes[index]
    if (last !== undefined && this.#keys[index] === key) return last
    const hash = hash32(key)
    this.#keys[index] = key
    this.#hashes[index] = hash
    return hash
  }
}

/** How many flows each may have then, by its weight. */
function roomPerWeightOf(candidates: readonly Candidate[]): number {
  let sum = 0
  for (const { openFlows } of candidates) sum += openFlows
  return (MAX_OF_SHARE * (sum + 1)) / totalWeight(candidates)
}
