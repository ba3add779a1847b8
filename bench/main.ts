import { BENCHES } from './cases/index.ts'
import { ArgumentError, parseBenchArguments, usageOf } from './src/arguments.ts'
import { takeOnlyPlace } from './src/only-bench.ts'
import { jsonLinesOf, tableOf } from './src/report.ts'
import type { Result } from './src/result.ts'

const EXIT_USAGE = 2

async function main(): Promise<void> {
  const { help, json, benches } = parseBenchArguments(process.argv.slice(2), BENCHES)
  if (help) {
    process.stdout.write(usageOf(BENCHES))
    return
  }
  using place = await takeOnlyPlace()
  if (place === undefined)
    throw new ArgumentError('another bench runs on this machine: two would spoil each other')
  const results: Result[] = []
  for (const bench of benches) results.push(...(await bench.run((step) => tell(bench.name, step))))
  process.stdout.write(`${tableOf(results)}\n`)
  if (json)
    process.stdout.write(
      `${jsonLinesOf(
        results,
        benches.map(({ name }) => name),
      )}\n`,
    )
}

const started = performance.now()

function tell(bench: string, step: string): void {
  const seconds = ((performance.now() - started) / 1_000).toFixed(0).padStart(4)
  process.stderr.write(`${seconds} s  ${bench}: ${step}\n`)
}

try {
  await main()
} catch (error) {
  if (!(error instanceof ArgumentError)) throw error
  process.stderr.write(`bench: ${error.message}\n`)
  process.exitCode = EXIT_USAGE
}
