import type { Candidate } from './balancer.ts'

type Candidates<Item> = readonly [Item, ...Item[]]

/** The sum of all weights. */
export function totalWeight(candidates: readonly Pick<Candidate, 'weight'>[]): number {
  let total = 0
  for (const { weight } of candidates) total += weight
  return total
}

/**
 * The one whose share `point` falls into, when the candidates lie in a row, each as long as its weight.
 *
 * @param point - from 0 to below the sum of weights (without `left`'s own)
 * @param left - not in the row, unless it is the only one
 */
export function atWeight<Item extends Candidate>(
  candidates: Candidates<Item>,
  point: number,
  left?: Item,
): Item {
  let rest = point
  let last = candidates[0]
  for (const candidate of candidates) {
    if (candidate === left) continue
    last = candidate
    rest -= candidate.weight
    if (rest < 0) break
  }
  return last
}
