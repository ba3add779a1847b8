import { TARGETS, type Target } from '../targets.ts'

/** One figure of ours against one reference. */
export interface Result {
  readonly bench: string
  readonly case: string
  readonly metric: string
  readonly unit: string
  /** `null` exactly where there is a `reason`. */
  readonly ours: number | null
  /** `null` for an absolute figure. */
  readonly reference: number | null
  readonly referenceName: string
  /** Median of the ratios of the pairs; `null` for an absolute figure. */
  readonly ratio: number | null
  /** Smallest and largest of the ratios, or of the figures. */
  readonly spread: readonly [least: number, most: number] | null
  /** Why there is no figure. */
  readonly reason?: string
}

/** A line of `--json`. */
export interface JudgedResult extends Result {
  /** As text, e.g. `P5 >= 0.3`; `null` where none is set. */
  readonly target: string | null
  /** `false` also for any figure that could not be had; `null` for one without a target. */
  readonly met: boolean | null
}

export interface MetricName {
  readonly bench: string
  readonly case: string
  readonly metric: string
  readonly unit: string
}

const ABSOLUTE = 'absolute'

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = Math.floor(sorted.length / 2)
  const upper = sorted[middle] ?? Number.NaN
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2
}

/** Ours against a reference, from as many pairs, measured one right after the other. */
export function compare(
  name: MetricName,
  ours: readonly number[],
  reference: { readonly name: string; readonly values: readonly number[] },
): Result {
  const ratios = ours.map((value, index) => value / (reference.values[index] ?? Number.NaN))
  return {
    ...name,
    ours: median(ours),
    reference: median(reference.values),
    referenceName: reference.name,
    ratio: median(ratios),
    spread: spreadOf(ratios),
  }
}

/** A figure that stands for itself. */
export function absolute(name: MetricName, values: readonly number[]): Result {
  const none = { reference: null, referenceName: ABSOLUTE, ratio: null }
  return { ...name, ours: median(values), ...none, spread: spreadOf(values) }
}

/** A figure that could not be had, of ours or of the reference. */
export function missing(name: MetricName, reason: string, referenceName = ABSOLUTE): Result {
  return { ...name, ours: null, reference: null, referenceName, ratio: null, spread: null, reason }
}

/** Adds what was to be reached; a figure that could not be had reached nothing. */
export function judged(result: Result): JudgedResult {
  const target = TARGETS.find((candidate) => isFor(candidate, result))
  if (target === undefined)
    return { ...result, target: null, met: result.reason === undefined ? null : false }
  return { ...result, target: textOf(target), met: isMet(target, result.ratio ?? result.ours) }
}

/**
 * A result without a figure for each target that none of the results is for.
 *
 * @param targets - of the benches that ran
 * @param failures - why a bench gave nothing, by its name
 */
export function unmeasured(
  targets: readonly Target[],
  results: readonly Result[],
  failures: ReadonlyMap<string, string>,
): Result[] {
  return targets
    .filter((target) => !results.some((result) => isFor(target, result)))
    .map(({ bench, case: name, metric, reference, open }) => {
      const reason = open ?? failures.get(bench) ?? 'the bench gave no such figure'
      return missing({ bench, case: name, metric, unit: '' }, reason, reference)
    })
}

function isMet({ atLeast, atMost }: Target, value: number | null): boolean {
  if (value === null) return false
  return value >= (atLeast ?? Number.NEGATIVE_INFINITY) && value <= (atMost ?? Number.POSITIVE_INFINITY)
}

function isFor(target: Target, result: Result): boolean {
  return (
    target.bench === result.bench &&
    target.case === result.case &&
    target.metric === result.metric &&
    target.reference === result.referenceName
  )
}

function textOf({ id, atLeast, atMost }: Target): string {
  return atLeast === undefined ? `${id} <= ${atMost}` : `${id} >= ${atLeast}`
}

function spreadOf(values: readonly number[]): readonly [number, number] {
  return [Math.min(...values), Math.max(...values)]
}
