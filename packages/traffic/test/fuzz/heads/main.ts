// Reads mutated heads of HTTP/1.1 and tells what became of them: node main.ts [count] [seed]

import { fuzzHeads } from './head-fuzz.ts'

const [count = 1_000_000, seed = 1] = process.argv.slice(2).map(Number)
const STEP = 100_000

const startedAt = performance.now()
for (let done = 0; done < count; done += STEP) {
  const report = fuzzHeads(seed, done, Math.min(STEP, count - done))
  const seconds = Number(((performance.now() - startedAt) / 1_000).toFixed(1))
  process.stdout.write(
    `${JSON.stringify({ read: done + report.accepted + report.refused, seconds, ...report })}\n`,
  )
}
