import type { JudgedResult } from './result.ts'

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

const MAX_REASON_LENGTH = 60

/** The results as a table for people, with one sentence on the targets below it. */
export function tableOf(results: readonly JudgedResult[]): string {
  const rows = [COLUMNS, ...results.map(cellsOf)]
  const widths = COLUMNS.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
  const lines = rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  )
  return [...lines, '', summaryOf(results)].join('\n')
}

/** The results as lines of JSON. */
export function jsonLinesOf(results: readonly JudgedResult[]): string {
  return results.map((line) => JSON.stringify(line)).join('\n')
}

function summaryOf(results: readonly JudgedResult[]): string {
  const aimed = results.filter(({ target }) => target !== null)
  const measured = aimed.filter(({ reason }) => reason === undefined)
  const met = measured.filter((result) => result.met)
  const open = aimed.length - measured.length
  return `${met.length} of ${measured.length} measured targets are met; ${open} could not be measured.`
}

function cellsOf(result: JudgedResult): readonly string[] {
  const { bench, case: name, metric, target, met } = result
  return [bench, name, metric, ...figuresOf(result), target ?? '', met === null ? '' : met ? 'yes' : 'NO']
}

/** Ours, the reference, its name, ratio and spread. */
function figuresOf({ unit, ours, reference, referenceName, ratio, spread, reason }: JudgedResult) {
  const other = referenceName === 'absolute' ? '' : referenceName
  if (ours === null || spread === null) return [shortened(reason ?? ''), '', other, '', '']
  const own = `${figure(ours)} ${unit}`
  if (reference === null || ratio === null) return [own, '', other, '', spread.map(figure).join('..')]
  return [own, figure(reference), other, ratioText(ratio), spread.map(ratioText).join('..')]
}

/** The table has room for the gist; the lines of JSON have all of it. */
function shortened(reason: string): string {
  const [line = ''] = reason.split('\n')
  return line.length > MAX_REASON_LENGTH ? `${line.slice(0, MAX_REASON_LENGTH)}…` : line
}

function figure(value: number): string {
  if (value >= 100) return Math.round(value).toLocaleString('en')
  return value.toPrecision(3)
}

function ratioText(value: number): string {
  return value.toFixed(2)
}
