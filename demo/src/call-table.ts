import type { CallResult } from './call.ts'

interface Column {
  readonly title: string
  readonly width: number
  readonly cell: (result: CallResult) => string
}

const CALL: Column = { title: 'call', width: 30, cell: ({ name }) => name }
const FROM: Column = { title: 'from', width: 7, cell: ({ from }) => from }
const TO: Column = { title: 'to', width: 27, cell: ({ to }) => to }
const PATH: Column = { title: 'path', width: 7, cell: ({ path }) => path ?? '—' }
const ANSWER: Column = { title: 'answer', width: 28, cell: ({ answer }) => answer }

const INDENT = '    '
const MS_WIDTH = 6
const WIDE = 120

/**
 * Prints one row per call as it ends; colours only where asked for. Where the output is narrower than 120 characters,
 * or has no width, each call's name is on a line of its own, and no line is longer than 80.
 */
export class CallTable {
  readonly #print: (line: string) => void
  readonly #colours: boolean
  readonly #columns: readonly Column[]

  constructor(
    print: (line: string) => void,
    { colours, width }: { readonly colours: boolean; readonly width: number },
  ) {
    this.#print = print
    this.#colours = colours
    this.#columns =
      width >= WIDE ? [CALL, FROM, TO, PATH, ANSWER] : [FROM, TO, PATH, { ...ANSWER, width: 25 }]
  }

  header(): void {
    const titles = this.#columns.map(({ title, width }) => title.padEnd(width)).join(' ')
    this.#print(`${INDENT}${titles} ${'ms'.padStart(MS_WIDTH)}`)
    this.#print(`${INDENT}${'─'.repeat(titles.length + 1 + MS_WIDTH)}`)
  }

  row(result: CallResult): void {
    const cells = this.#columns.map(({ width, cell }) => fit(cell(result), width)).join(' ')
    const row = `${cells} ${result.ms.toFixed(1).padStart(MS_WIDTH)}`
    const mark = `  ${this.#mark(result.ok)} `
    this.#print(this.#columns.includes(CALL) ? `${mark}${row}` : `${mark}${result.name}\n${INDENT}${row}`)
  }

  #mark(ok: boolean): string {
    if (!this.#colours) return ok ? '✓' : '✗'
    return ok ? '\u001b[32m✓\u001b[0m' : '\u001b[31m✗\u001b[0m'
  }
}

function fit(text: string, width: number): string {
  return text.length > width ? `${text.slice(0, width - 1)}…` : text.padEnd(width)
}
