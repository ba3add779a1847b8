import type { BenchCase } from './cases/case.ts'
import { BENCHES } from './cases/index.ts'
import { ArgumentError, parseBenchArguments, usageOf } from './src/arguments.ts'
import { takeOnlyPlace } from './src/only-bench.ts'
import { jsonLinesOf, tableOf } from './src/report.ts'
import { type JudgedResult, judged, type Result, unmeasured } from './src/result.ts'
import { TARGETS } from './targets.ts'

const EXIT_USAGE = 2

/** @returns false when a bench failed; what the others gave is reported all the same */
async function main(): Promise<boolean> {
  const { help, json, benches } = parseBenchArguments(process.argv.slice(2), BENCHES)
  if (help) {
    process.stdout.write(usageOf(BENCHES))
    return true
  }
  using _place = await takeOnlyPlace(() => tell('bench', 'waiting for another bench on this machine'))
  const failures = new Map<string, string>()
  const results = await runAll(benches, failures)
  process.stdout.write(`${tableOf(results)}\n`)
  if (json) process.stdout.write(`${jsonLinesOf(results)}\n`)
  return failures.size === 0
}

async function runAll(
  benches: readonly BenchCase[],
  failures: Map<string, string>,
): Promise<readonly JudgedResult[]> {
  const results: Result[] = []
  for (const bench of benches) {
    try {
      results.push(...(await bench.run((step) => tell(bench.name, step))))
    } catch (error) {
      const [reason = ''] = String(error).split('\n')
      failures.set(bench.name, reason)
      tell(bench.name, `failed: ${error instanceof Error ? error.stack : error}`)
    }
  }
  const isAll = benches.length === BENCHES.length
  const targets = TARGETS.filter((target) => isAll || benches.some(({ name }) => name === target.bench))
  return [...results, ...unmeasured(targets, results, failures)].map(judged)
}

const started = performance.now()

function tell(bench: string, step: string): void {
  const seconds = ((performance.now() - started) / 1_000).toFixed(0).padStart(4)
  process.stderr.write(`${seconds} s  ${bench}: ${step}\n`)
}

try {
  process.exitCode = (await main()) ? 0 : 1
} catch (error) {
  if (!(error instanceof ArgumentError)) throw error
  process.stderr.write(`bench: ${error.message}\n`)
  process.exitCode = EXIT_USAGE
}
