import type { Candidate } from '../balancer.ts'

export type Candidates = readonly [Candidate, ...Candidate[]]

/** Idle, of weight 1, not measured, unless given otherwise. */
export function candidate(key: string, wishes: Partial<Candidate> = {}): Candidate {
  return { key, weight: 1, openFlows: 0, connectMs: undefined, ...wishes }
}

/** Candidates of these weights, e.g. `{ a: 1, b: 3 }`, all alike otherwise. */
export function weighted(
  weights: Readonly<Record<string, number>>,
  wishes: Partial<Candidate> = {},
): Candidates {
  return notEmpty(Object.entries(weights).map(([key, weight]) => candidate(key, { ...wishes, weight })))
}

/** @throws {Error} when there is none */
export function notEmpty(candidates: readonly Candidate[]): Candidates {
  const [first, ...others] = candidates
  if (first === undefined) throw new Error('no candidate')
  return [first, ...others]
}

/** IPv4 addresses, all different. */
export function clients(count: number): readonly string[] {
  return Array.from({ length: count }, (_, index) => `10.${index >> 16}.${(index >> 8) & 255}.${index & 255}`)
}

/** How often each key was picked. */
export function countKeys(picks: readonly Candidate[]): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {}
  for (const { key } of picks) counts[key] = (counts[key] ?? 0) + 1
  return counts
}

/** From 0 to below 1, evenly, the same numbers for the same seed (a 32-bit Weyl sequence, mixed). */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x9e3779b9) >>> 0
    let mixed = Math.imul(state ^ (state >>> 16), 0x21f0aaad)
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97)
    return ((mixed ^ (mixed >>> 15)) >>> 0) / 2 ** 32
  }
}
