import { absolute, missing, type Result } from '../result.ts'

export const BENCH = 'relays'

/** Results of one case, one figure each; `undefined` is a figure that could not be had. */
export function figuresOf(
  name: string,
  figures: Readonly<Record<string, readonly [value: number | readonly number[] | undefined, unit: string]>>,
): Result[] {
  return Object.entries(figures).map(([metric, [value, unit]]) => {
    const called = { bench: BENCH, case: name, metric, unit }
    if (value === undefined) return missing(called, 'not within the time it was given')
    return absolute(called, typeof value === 'number' ? [value] : value)
  })
}

/** The moment at which that share of them was over, e.g. 0.99; `undefined` when not as many were. */
export function momentOfShare(ascending: readonly number[], share: number, all: number): number | undefined {
  return ascending[Math.ceil(all * share) - 1]
}
