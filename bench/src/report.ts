import { TARGETS_WITHOUT_CASE } from '../targets.ts'
import { type JsonResult, judged, type Result } from './result.ts'

const COLUMNS = [
  'bench',
  'case',
  'metric',
  'ours',
  'reference',
  '',
  'ratio',
  'spread',
  'target',
  'met',
] as const

/** The results as a table for people. */
export function tableOf(results: readonly Result[]): string {
  const rows = [COLUMNS, ...results.map(judged).map(cellsOf)]
  const widths = COLUMNS.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
  const lines = rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  )
  return lines.join('\n')
}

/** The results as lines of JSON, with a line for each target that nothing measures yet. */
export function jsonLinesOf(results: readonly Result[], benches: readonly string[]): string {
  const open = TARGETS_WITHOUT_CASE.map(({ id, reason }) => ({ target: id, met: false, reason }))
  const lines: readonly object[] = [...results.map(judged), ...(benches.length > 1 ? open : [])]
  return lines.map((line) => JSON.stringify(line)).join('\n')
}

function cellsOf(result: JsonResult): readonly string[] {
  const {
    bench,
    case: name,
    metric,
    unit,
    ours,
    reference,
    referenceName,
    ratio,
    spread,
    target,
    met,
    reason,
  } = result
  return [
    bench,
    name,
    metric,
    reason ?? `${figure(ours)} ${unit}`,
    reference === undefined ? '' : figure(reference),
    referenceName === 'absolute' ? '' : referenceName,
    ratio === undefined ? '' : ratio.toFixed(2),
    reason === undefined
      ? spread.map((value) => (ratio === undefined ? figure(value) : value.toFixed(2))).join('..')
      : '',
    target ?? '',
    met === null ? '' : met ? 'yes' : 'NO',
  ]
}

function figure(value: number): string {
  if (value >= 100) return Math.round(value).toLocaleString('en')
  return value.toPrecision(3)
}
