import { TARGETS, type Target } from '../targets.ts'

/** One figure of ours against one reference. */
export interface Result {
  readonly bench: string
  readonly case: string
  readonly metric: string
  readonly unit: string
  readonly ours: number
  /** `undefined` for an absolute figure. */
  readonly reference: number | undefined
  readonly referenceName: string
  /** Median of the ratios of the pairs; `undefined` for an absolute figure. */
  readonly ratio: number | undefined
  /** Smallest and largest of the ratios, or of the figures. */
  readonly spread: readonly [least: number, most: number]
  /** Why there is no figure that means anything. */
  readonly reason?: string
}

/** A line of `--json`. */
export interface JsonResult extends Result {
  /** As text, e.g. `>= 0.3`; `null` where none is set. */
  readonly target: string | null
  readonly met: boolean | null
}

export interface MetricName {
  readonly bench: string
  readonly case: string
  readonly metric: string
  readonly unit: string
}

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
  return {
    ...name,
    ours: median(values),
    reference: undefined,
    referenceName: 'absolute',
    ratio: undefined,
    spread: spreadOf(values),
  }
}

/** A figure that could not be had. */
export function missing(name: MetricName, reason: string): Result {
  return { ...absolute(name, []), spread: [Number.NaN, Number.NaN], reason }
}

/** Adds what was to be reached; a figure that could not be had reached nothing. */
export function judged(result: Result): JsonResult {
  const target = TARGETS.find((candidate) => isFor(candidate, result))
  if (target === undefined) return { ...result, target: null, met: null }
  const { atLeast = Number.NEGATIVE_INFINITY, atMost = Number.POSITIVE_INFINITY } = target
  const value = result.ratio ?? result.ours
  return { ...result, target: textOf(target), met: value >= atLeast && value <= atMost }
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
