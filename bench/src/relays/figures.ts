import { absolute, missing, type Result } from '../result.ts'

export const BENCH = 'relays'

/** By metric; `undefined` is a figure that could not be had. */
export type Figures = Readonly<
  Record<string, readonly [value: number | readonly number[] | undefined, unit: string]>
>

/** Results of one case, one figure each. */
export function figuresOf(name: string, figures: Figures, bench = BENCH): Result[] {
  return Object.entries(figures).map(([metric, [value, unit]]) => {
    const called = { bench, case: name, metric, unit }
    if (value === undefined) return missing(called, 'not within the time it was given')
    return absolute(called, typeof value === 'number' ? [value] : value)
  })
}

/** The moment at which that share of them was over, e.g. 0.99; `undefined` when not as many were. */
export function momentOfShare(ascending: readonly number[], share: number, all: number): number | undefined {
  return ascending[Math.ceil(all * share) - 1]
}
