import { absolute, median, missing, type Result } from '../result.ts'

/** Figures by metric, or why there are none. */
export type Measured =
  | { readonly figures: Readonly<Record<string, readonly number[]>>; readonly reason?: undefined }
  | { readonly reason: string }

/** Of loads and changes. */
export const RULE_METRICS = [
  'full load ms',
  'full load at start ms',
  'one change ms',
  'in effect ms',
  'in effect after the event ms',
] as const

/** One result for each metric, come what may. */
export function resultsOf(name: string, metrics: readonly string[], measured: Measured): Result[] {
  return metrics.map((metric) => {
    const metricName = { bench: 'proxier', case: name, metric, unit: metric.endsWith('%') ? '%' : 'ms' }
    const values = measured.reason === undefined ? (measured.figures[metric] ?? []) : []
    if (values.length > 0) return absolute(metricName, values)
    return missing(metricName, measured.reason ?? 'no such figure')
  })
}

/** For each metric the figures with the largest median; why there are none, as soon as one has none. */
export function worstOf(all: readonly Measured[]): Measured {
  const failed = all.find(({ reason }) => reason !== undefined)
  if (failed !== undefined) return failed
  const figures = all.flatMap((one) => (one.reason === undefined ? Object.entries(one.figures) : []))
  const worst: Record<string, readonly number[]> = {}
  for (const [metric, values] of figures) {
    const known = worst[metric]
    if (known === undefined || median(values) > median(known)) worst[metric] = values
  }
  return { figures: worst }
}
