import { parseArgs } from 'node:util'
import type { BenchCase } from '../cases/case.ts'

export interface BenchArguments {
  readonly help: boolean
  readonly json: boolean
  readonly benches: readonly BenchCase[]
}

export class ArgumentError extends Error {}

/** @throws {ArgumentError} for an option or a bench that there is not */
export function parseBenchArguments(args: readonly string[], known: readonly BenchCase[]): BenchArguments {
  const { values, positionals } = readArguments(args)
  const unknown = positionals.filter((name) => !known.some((bench) => bench.name === name))
  if (unknown.length > 0)
    throw new ArgumentError(
      `no bench ${unknown.join(', ')}; there are ${known.map(({ name }) => name).join(', ')}`,
    )
  const benches = positionals.length === 0 ? known : known.filter(({ name }) => positionals.includes(name))
  return { help: values.help, json: values.json, benches }
}

function readArguments(args: readonly string[]) {
  try {
    return parseArgs({
      args: args.filter((arg) => arg !== '--'),
      options: {
        help: { type: 'boolean', short: 'h', default: false },
        json: { type: 'boolean', default: false },
      },
      allowPositionals: true,
    })
  } catch (error) {
    throw new ArgumentError(error instanceof Error ? error.message : String(error))
  }
}

export function usageOf(known: readonly BenchCase[]): string {
  const width = Math.max(...known.map(({ name }) => name.length))
  return `usage: npm run bench -- [--json] [NAME...]

Measures edgeway against reference peers in a lab, and says which targets are met. Without a name, everything.

${known.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}`).join('\n')}

  --json   end with a line of JSON per figure
`
}
