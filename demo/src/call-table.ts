import type { CallResult } from './call.ts'

const COLUMNS = [
  { title: 'call', width: 34 },
  { title: 'from', width: 16 },
  { title: 'to', width: 20 },
  { title: 'path', width: 8 },
  { title: 'answer', width: 34 },
] as const

/** Prints one row per call as it ends; colours only where the output is a terminal. */
export class CallTable {
  readonly #print: (line: string) => void
  readonly #colours: boolean

  constructor(print: (line: string) => void, { colours }: { readonly colours: boolean }) {
    this.#print = print
    this.#colours = colours
  }

  header(): void {
    const titles = COLUMNS.map(({ title, width }) => title.padEnd(width)).join('  ')
    this.#print(`     ${titles}      ms`)
    this.#print(`     ${'─'.repeat(titles.length + 8)}`)
  }

  row(result: CallResult): void {
    const cells = [result.name, result.from, result.to, result.path ?? '—', result.answer]
    const text = COLUMNS.map(({ width }, index) => fit(cells[index] ?? '', width)).join('  ')
    this.#print(`  ${this.#mark(result.ok)}  ${text}  ${result.ms.toFixed(1).padStart(6)}`)
  }

  #mark(ok: boolean): string {
    if (!this.#colours) return ok ? '✓' : '✗'
    return ok ? '\u001b[32m✓\u001b[0m' : '\u001b[31m✗\u001b[0m'
  }
}

function fit(text: string, width: number): string {
  return text.length > width ? `${text.slice(0, width - 1)}…` : text.padEnd(width)
}
